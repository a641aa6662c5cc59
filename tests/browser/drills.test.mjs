// Every drill takes a right answer and no wrong one, by mouse and by keyboard, and opens what helps.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGES, on, pagesWith, start } from "./site.mjs";

let site;
before(async () => { site = await start(); });
after(() => site.close());

const other = (options, letter) => Object.keys(options).find((one) => one !== letter);
const ANSWERS = {
  number: ({ answer }) => [String(answer), String(3 * answer + 17)],
  shape: ({ answer }) => [answer.join("×") || "scalar", [...answer, 7].join("×")],
  einsum: ({ answer }) => [answer, "xyz->x"],
  choice: ({ answer, options }) => [answer, other(options, answer)],
  order: ({ answer }) => [answer.join(" "), [...answer].reverse().join(" ")],
};

async function answer(page, form, text, submit) {
  const field = form.locator("input");
  await field.click();
  await field.fill("");
  await page.keyboard.type(text);
  await submit(form);
  return form.locator("output").innerText();
}

const WAYS = {
  mouse: (form) => form.locator('button[type="submit"]').click(),
  keyboard: (form) => form.page().keyboard.press("Enter"),
};

test("every page of the course has drills", () => {
  const course = PAGES.filter((name) => name.startsWith("learn/L"));
  const without = course.filter((name) => !pagesWith("drill-form").includes(name));
  assert.deepEqual(without, []);
});

for (const name of pagesWith("drill-form")) {
  for (const [way, submit] of Object.entries(WAYS)) {
    test(`${name}: every drill's answers by ${way}`, async () => {
      await on(site, name, {}, async (page, complaints) => {
        const forms = await page.locator(".drill-form").all();
        for (const form of forms) {
          const drill = JSON.parse(await form.getAttribute("data-drill"));
          const box = form.locator("xpath=..");
          const [right, wrong] = ANSWERS[drill.kind](drill);
          const told = `${await box.getAttribute("id")}: ${right}, not ${wrong}`;
          for (const given of [wrong, "?!"]) {
            const said = await answer(page, form, given, submit);
            assert.ok(said && said !== "right", `${told}: ${given} is “${said}”`);
            assert.match(await box.getAttribute("class"), /\bwrong\b/, told);
          }
          assert.equal(await answer(page, form, right, submit), "right", told);
          assert.match(await box.getAttribute("class"), /\bright\b/, told);
        }
        const tally = await page.locator(".drill-tally").innerText();
        assert.equal(tally, `${forms.length} of ${forms.length} answered rightly`);
        assert.deepEqual(complaints, []);
      });
    });
  }

  test(`${name}: hints, solutions and lists to tick off open and can be ticked`, async () => {
    await on(site, name, {}, async (page) => {
      for (const [place, part] of (await page.locator(".drill details").all()).entries()) {
        const summary = part.locator("summary");
        const open = () => part.evaluate((one) => one.open);
        await (place % 2 ? summary.click() : summary.press("Enter"));
        assert.equal(await open(), true);
        assert.ok((await part.innerText()).length > 10, "there is something inside");
        for (const [number, box] of (await part.locator('input[type="checkbox"]').all()).entries()) {
          await (number % 2 ? part.locator("label").nth(number).click() : box.press("Space"));
          assert.equal(await box.isChecked(), true);
        }
        await summary.press("Enter");
        assert.equal(await open(), false);
      }
    });
  });
}
