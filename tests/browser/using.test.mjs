// What surrounds the text works: search, the switch of themes, copying, sorting, the menu of a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGES, on, pagesWith, start, unfold } from "./site.mjs";

let site;
before(async () => { site = await start(); });
after(() => site.close());

const isText = (name) => !["search.html", "genindex.html"].includes(name);

// A page's title, as it is told to the search: words only.
function title(page) {
  return page.evaluate(() => {
    const heading = document.querySelector("article h1").cloneNode(true);
    heading.querySelector(".headerlink")?.remove();
    return heading.textContent.trim();
  });
}

async function searched(page, query) {
  await page.locator(".sidebar-search").fill(query);
  await page.locator(".sidebar-search").press("Enter");
  await page.waitForURL(/search\.html/);
  await page.waitForFunction(() => document.querySelector("#search-results .search-summary, #search-results p")
    ?.textContent.match(/found|match/i), null, { timeout: 10_000 });
  return page.evaluate(() =>
    [...document.querySelectorAll("#search-results li a")].map((one) => new URL(one.href).pathname),
  );
}

for (const from of ["http", "file"]) {
  test(`search finds pages by their titles, ${from === "http" ? "served" : "from a folder"}`, async () => {
    const missed = [];
    // The index of words is the same file: from a folder, some pages show that it is read.
    const asked = PAGES.filter(isText).filter((_, place) => from === "http" || place % 8 === 0);
    for (const name of asked) {
      await on(site, name, { from }, async (page, complaints) => {
        const heading = await title(page);
        const found = await searched(page, heading.replace(/[^\p{L}\p{N}.]+/gu, " "));
        if (!found.some((path) => path.endsWith(`/${name}`))) missed.push(`${name}: ${heading}`);
        assert.deepEqual(complaints, []);
      });
    }
    assert.deepEqual(missed, []);
  });
}

for (const from of ["http", "file"]) {
  test(`the switch turns the whole page dark and light, and other pages remember it (${from})`, async () => {
    const name = PAGES.find((one) => one.startsWith("learn/")) ?? PAGES[0];
    await on(site, name, { from, theme: "light", system: "light" }, async (page, complaints) => {
      const light = () =>
        page.evaluate(() => {
          const colours = [...document.querySelectorAll("body, article .einlab, article pre, .sidebar-drawer")]
            .map((one) => getComputedStyle(one).backgroundColor)
            .filter((colour) => colour !== "rgba(0, 0, 0, 0)");
          const bright = (colour) => colour.match(/[\d.]+/g).slice(0, 3).every((part) => Number(part) > 128);
          return [...new Set(colours.map(bright))];
        });
      const seen = [];
      const toggle = page.locator(".theme-toggle:visible").first();
      for (let press = 0; press < 3; press += 1) {
        await (press % 2 ? toggle.click() : toggle.press("Enter"));
        const theme = await page.evaluate(() => document.body.dataset.theme);
        assert.deepEqual(await light(), [theme !== "dark"], `all of the page is ${theme}`);
        seen.push(theme);
      }
      assert.deepEqual([...seen].sort(), ["auto", "dark", "light"]);
      while ((await page.evaluate(() => document.body.dataset.theme)) !== "dark") await toggle.click();
      await page.waitForTimeout(500); // the browser writes down what a page stores a moment later
      await page.reload();
      assert.deepEqual(await light(), [false]);
      assert.deepEqual(complaints, []);
    });
  });
}

for (const name of pagesWith('<div class="highlight')) {
  test(`${name}: what is copied is the code`, async () => {
    await on(site, name, {}, async (page, complaints) => {
      await unfold(page);
      const buttons = page.locator("article .copybtn");
      const count = await buttons.count();
      assert.equal(count, await page.locator("article div.highlight pre").count());
      for (const place of new Set([0, count - 1].filter((one) => one >= 0 && one < count))) {
        const button = buttons.nth(place);
        const code = await button.evaluate((one) => one.parentElement.querySelector("pre").textContent);
        await button.focus();
        const opacity = () => button.evaluate((one) => Number(getComputedStyle(one).opacity));
        await page.waitForTimeout(400);
        assert.ok((await opacity()) > 0.5, "a button that has the focus can be seen");
        await (place ? button.click() : button.press("Enter"));
        const copied = await page.evaluate(() => navigator.clipboard.readText());
        const bare = (text) => text.replace(/^(>>> |\.\.\. |\$ )/gm, "").trim();
        assert.ok(copied.trim(), "something is copied");
        assert.ok(bare(code).includes(copied.trim().split("\n")[0]), `${copied} is not of ${code}`);
      }
      assert.deepEqual(complaints, []);
    });
  });
}

for (const name of pagesWith("einlabSort")) {
  test(`${name}: tables of einlab are sorted by their headings`, async () => {
    await on(site, name, {}, async (page, complaints) => {
      const heads = page.locator(".einlab thead tr:first-child th:first-child button:visible");
      for (const [place, head] of (await heads.all()).slice(0, 4).entries()) {
        const cell = head.locator("xpath=ancestor::th");
        await (place % 2 ? head.click() : head.press("Enter"));
        const first = await cell.getAttribute("aria-sort");
        await head.press("Space");
        const sorted = [first, await cell.getAttribute("aria-sort")];
        assert.deepEqual(sorted, ["descending", "ascending"]);
      }
      assert.deepEqual(complaints, []);
    });
  });
}

test("on a phone the menu opens, leads to another page, and closes", async () => {
  const name = PAGES.find((one) => one.startsWith("learn/")) ?? PAGES[0];
  await on(site, name, { width: 360, height: 740 }, async (page, complaints) => {
    const drawer = page.locator(".sidebar-drawer");
    const left = async () => (await drawer.boundingBox()).x;
    assert.ok((await left()) < 0, "closed at first");
    await page.locator(".nav-overlay-icon, .mobile-header .nav-icon").first().click();
    await page.waitForFunction(() => document.querySelector(".sidebar-drawer").getBoundingClientRect().x >= 0);
    const link = drawer.locator('a[href*=".html"]:visible').last();
    const target = await link.evaluate((one) => one.href);
    await link.click();
    await page.waitForURL(target);
    assert.ok((await left()) < 0, "closed on the next page");
    assert.deepEqual(complaints, []);
  });
});
