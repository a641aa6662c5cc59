// Every widget and every drill works, by mouse and by keyboard.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { on, pagesWith, start } from "./site.mjs";

const MOST_TRIES = 4; // a control may do nothing where it stands: a step back at the first step
const MOST_STEPS = 400;

let site;
before(async () => { site = await start(); });
after(() => site.close());

// What a widget shows: its elements and the points of its canvases; where a slider stands is no part.
function shown(box) {
  return box.evaluate((element) => {
    const painted = [...element.querySelectorAll("canvas")].map((one) => one.toDataURL());
    return [element.innerHTML, ...painted].join("\n");
  });
}

// The controls that can be used now, each with a name that stays while its numbers change.
function controls(box) {
  return box.evaluate((element) => {
    const counts = new Map();
    return [...element.querySelectorAll("button, input, select, textarea")].flatMap((one, place) => {
      if (one.disabled || !one.getClientRects().length) return [];
      const told = one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.textContent;
      const name = `${one.tagName} ${one.type} ${told.split("\n")[0].replace(/[-\d.,\s]+/g, " ").trim()}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return [{ name: `${name} ${counts.get(name)}`, place, kind: one.type, named: Boolean(told.trim()) }];
    });
  });
}

// The slider's thumb is dragged to the other side of its track.
async function drag(page, control) {
  const box = await control.boundingBox();
  const at = await control.evaluate((one) => (one.value - one.min) / (one.max - one.min || 1));
  const inner = box.width - 16;
  await page.mouse.move(box.x + 8 + at * inner, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 8 + (at < 0.5 ? 0.8 : 0.2) * inner, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
}

async function byMouse(page, control, kind) {
  await control.scrollIntoViewIfNeeded();
  if (kind === "range") return drag(page, control);
  if (kind === "select-one") {
    const other = await control.evaluate((one) => (one.selectedIndex + 1) % one.options.length);
    return control.selectOption({ index: other });
  }
  await control.click();
  return type(page, kind);
}

// One character less, or for a number one more, at the end of what a field holds.
async function type(page, kind) {
  if (kind === "number") {
    await page.keyboard.press("End");
    await page.keyboard.press("1");
  } else if (["text", "textarea", "search"].includes(kind)) {
    await page.keyboard.press("Control+End");
    await page.keyboard.press("Backspace");
  }
}

async function byKeyboard(page, control, kind) {
  await control.focus();
  if (kind === "range") {
    const last = await control.evaluate((one) => Number(one.value) >= Number(one.max));
    return page.keyboard.press(last ? "PageDown" : "PageUp");
  }
  if (kind === "select-one") {
    const last = await control.evaluate((one) => one.selectedIndex === one.options.length - 1);
    return page.keyboard.press(last ? "Home" : "ArrowDown");
  }
  if (kind === "checkbox") return page.keyboard.press("Space");
  if (kind === "submit" || kind === "button") return page.keyboard.press("Enter");
  return type(page, kind);
}

// Uses every control, those tried least first, until each has changed what the widget shows.
async function useAll(page, box, use, afterwards = () => {}) {
  const tries = new Map();
  const worked = new Set();
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const open = (await controls(box))
      .filter(({ name }) => !worked.has(name) && (tries.get(name) ?? 0) < MOST_TRIES)
      .sort((one, two) => (tries.get(one.name) ?? 0) - (tries.get(two.name) ?? 0));
    if (!open.length) break;
    const { name, place, kind, named } = open[0];
    assert.ok(named, `a control without a name: ${name}`);
    const was = await shown(box);
    await use(page, box.locator("button, input, select, textarea").nth(place), kind);
    tries.set(name, (tries.get(name) ?? 0) + 1);
    if ((await shown(box)) !== was) worked.add(name);
    await afterwards(name);
  }
  assert.ok(worked.size > 0, "no control does anything");
  return [...tries.keys()].filter((name) => !worked.has(name));
}

// The controls that Tab reaches from before the widget on, and those of them that do not show it.
async function tabbed(page, box) {
  await box.evaluate((element) => {
    const before = document.createElement("span");
    before.tabIndex = -1;
    element.before(before);
    before.focus();
  });
  const reached = [];
  const unseen = [];
  for (let step = 0; step < MOST_STEPS; step += 1) {
    await page.keyboard.press("Tab");
    const at = await box.evaluate((element) => {
      const one = document.activeElement;
      if (!element.contains(one)) return null;
      const { outlineStyle, boxShadow } = getComputedStyle(one);
      const place = [...element.querySelectorAll("button, input, select, textarea")].indexOf(one);
      return { place, seen: outlineStyle !== "none" || boxShadow !== "none", self: one === element };
    });
    if (at === null) break;
    if (at.place >= 0) reached.push(at.place);
    if (!at.seen) unseen.push(at.place);
  }
  return { reached, unseen };
}

for (const name of pagesWith('class="widget"')) {
  test(`${name}: widgets by mouse`, async (t) => {
    await on(site, name, {}, async (page, complaints) => {
      for (const box of await page.locator(".widget").all()) {
        const title = await box.getAttribute("aria-label");
        await t.test(title, async () => {
          assert.deepEqual(await useAll(page, box, byMouse), []);
          assert.deepEqual(complaints, []);
        });
      }
    });
  });

  test(`${name}: what can be dragged onto another`, async () => {
    await on(site, name, {}, async (page, complaints) => {
      for (const box of await page.locator('.widget:has([draggable="true"])').all()) {
        const movable = box.locator('[draggable="true"]');
        const count = await movable.count();
        const was = await shown(box);
        await movable.nth(0).dragTo(movable.nth(1));
        assert.notEqual(await shown(box), was);
        assert.equal(await movable.count(), count === 2 ? 0 : count - 1);
      }
      assert.deepEqual(complaints, []);
    });
  });

  test(`${name}: widgets by keyboard`, async (t) => {
    await on(site, name, { theme: "dark" }, async (page, complaints) => {
      for (const box of await page.locator(".widget").all()) {
        const title = await box.getAttribute("aria-label");
        await t.test(title, async () => {
          const { reached, unseen } = await tabbed(page, box);
          assert.deepEqual(reached, (await controls(box)).map(({ place }) => place));
          assert.deepEqual(unseen, []);
          const lost = [];
          const stays = async (control) => {
            if (!(await box.evaluate((one) => one.contains(document.activeElement)))) lost.push(control);
          };
          assert.deepEqual(await useAll(page, box, byKeyboard, stays), []);
          assert.deepEqual(lost, [], "the focus is lost after these");
          assert.deepEqual(complaints, []);
        });
      }
    });
  });
}
