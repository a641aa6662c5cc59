// Every page can be read: by everybody, in both themes, on a phone, on paper, without JavaScript.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { PAGES, on, start, unfold } from "./site.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PHONE = 360;
const PAPER = 718; // A4 between margins of a centimetre, in CSS pixels

let site;
before(async () => { site = await start(); });
after(() => site.close());

async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(
    (tags) => window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }),
    WCAG,
  );
  return found.violations.map(({ id, nodes }) => ({
    id,
    count: nodes.length,
    first: nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
  }));
}

// What stands further right than the page is wide, and cannot be scrolled to by itself.
function stickingOut(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const held = (element) => {
      for (let one = element.parentElement; one && one !== document.body; one = one.parentElement) {
        if (scrolls(one) || getComputedStyle(one).position === "fixed") return true;
      }
      return false;
    };
    const out = [...document.querySelectorAll("article *")].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width && box.height && box.right > wide + 1 && !held(element);
    });
    const told = out.slice(0, 5).map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`);
    const sideways = document.documentElement.scrollWidth - wide;
    return sideways > 0 ? [`the page is ${sideways} pixels too wide`, ...told] : told;
  });
}

// What would be cut off on paper: boxes that scroll on a screen.
function cutOff(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("article *")]
      .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
      .filter((one) => getComputedStyle(one).overflowX !== "visible" && !one.closest(".katex-mathml"))
      .slice(0, 5)
      .map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`),
  );
}

for (const name of PAGES) {
  for (const theme of ["light", "dark"]) {
    test(`${name} in the ${theme} theme: WCAG 2.2 AA without violations`, async () => {
      await on(site, name, { theme }, async (page) => {
        await unfold(page);
        assert.deepEqual(await violations(page), []);
      });
    });
  }

  test(`${name} on a screen of ${PHONE} pixels: nothing scrolls the page sideways`, async () => {
    await on(site, name, { width: PHONE, height: 740 }, async (page) => {
      await unfold(page);
      assert.deepEqual(await stickingOut(page), []);
    });
  });

  test(`${name} on paper: dark on white, nothing cut off, no navigation`, async () => {
    await on(site, name, { theme: "dark", width: PAPER }, async (page) => {
      await unfold(page);
      await page.emulateMedia({ media: "print" });
      assert.deepEqual(await stickingOut(page), []);
      assert.deepEqual(await cutOff(page), []);
      const seen = await page.evaluate(() => {
        const light = (colour) => colour.match(/[\d.]+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);
        const shown = (one) => one.getClientRects().length > 0;
        const dark = [...document.querySelectorAll("body, article .einlab, article pre")]
          .map((one) => getComputedStyle(one).backgroundColor)
          .filter((colour) => colour !== "rgba(0, 0, 0, 0)" && light(colour) < 3 * 200);
        // The headings of a table are buttons that sort it; lists to tick off are of use on paper.
        const controls = "nav, .sidebar-drawer, .toc-drawer, input:not(li input), button:not(th button)";
        const navigation = [...document.querySelectorAll(controls)];
        return { dark, navigation: navigation.filter(shown).map((one) => one.outerHTML.slice(0, 80)) };
      });
      assert.deepEqual(seen, { dark: [], navigation: [] });
    });
  });

  test(`${name} without JavaScript: formulas are shown, and what a widget would be is told`, async () => {
    await on(site, name, { script: false }, async (page) => {
      const seen = await page.evaluate(() => {
        const empty = (one) => !one.getBoundingClientRect().width;
        const text = document.querySelector("article").innerText;
        return {
          hidden: [...document.querySelectorAll(".katex-html")].filter(empty).length,
          raw: [...document.querySelectorAll(".math")].filter((one) => !one.querySelector(".katex"))
            .map((one) => one.textContent.slice(0, 40)),
          widgets: document.querySelectorAll(".widget").length,
          told: text.split("This part moves with JavaScript").length - 1,
        };
      });
      assert.deepEqual(seen.raw, []);
      assert.equal(seen.hidden, 0);
      assert.equal(seen.told, seen.widgets);
    });
  });
}

if (PAGES.includes("cheatsheet.html")) {
  test("the cheat sheet prints on one sheet of A4, both sides", async () => {
    await on(site, "cheatsheet.html", {}, async (page) => {
      const printed = await page.pdf({ format: "A4", margin: { top: "1cm", bottom: "1cm", left: "1cm", right: "1cm" } });
      const sheets = printed.toString("latin1").match(/\/Type\s*\/Page\b(?!s)/g).length;
      assert.ok(sheets <= 2, `${sheets} pages`);
    });
  });
}
