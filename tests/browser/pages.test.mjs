// Every page: asks nothing of other machines, complains of nothing, is light, and its links lead on.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { posix } from "node:path";
import { after, before, test } from "node:test";

import { ALL, PAGES, ROOT, on, start } from "./site.mjs";

const KILOBYTE = 1000;
// The weights of a real model are shown there.
const MODEL_DATA = /^(learn\/L17|gallery\/minilm_\w+)\.html$/;

let site;
before(async () => { site = await start(); });
after(() => site.close());

const addresses = new Map(); // page → the ids that a link can lead to, and its links

async function noteLinks(page, name) {
  addresses.set(
    name,
    await page.evaluate(() => ({
      ids: [...document.querySelectorAll("[id], a[name]")].map((one) => one.id || one.name),
      links: [...document.querySelectorAll("a[href], link[href]")].map((one) => one.getAttribute("href")),
    })),
  );
}

for (const name of PAGES) {
  test(`${name} over http: no other machine, no complaint, within its weight`, async () => {
    site.server.asked.length = 0;
    await on(site, name, {}, async (page, complaints) => {
      await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
      await page.waitForLoadState("networkidle");
      await noteLinks(page, name);
      const { asked } = site.server;
      const bytes = asked.reduce((sum, one) => sum + one.bytes, 0);
      assert.deepEqual(complaints, []);
      assert.deepEqual(asked.filter((one) => !one.found), []);
      assert.ok(asked.length <= 30, `${asked.length} requests`);
      const most = (MODEL_DATA.test(name) ? 900 : 450) * KILOBYTE;
      assert.ok(bytes <= most, `${bytes} bytes in ${asked.length} requests`);
    });
  });

  test(`${name} from a folder: no other machine, no complaint, every picture is there`, async () => {
    await on(site, name, { from: "file" }, async (page, complaints) => {
      const broken = await page.evaluate(() =>
        [...document.images].filter((one) => one.complete && !one.naturalWidth).map((one) => one.src),
      );
      assert.deepEqual(broken, []);
      assert.deepEqual(complaints, []);
    });
  });
}

// The ids of a page, read when a link leads to one that is not among those under test.
async function idsOf(name) {
  if (!addresses.has(name)) await on(site, name, {}, (page) => noteLinks(page, name));
  return addresses.get(name).ids;
}

async function fault(from, link) {
  const [path, fragment] = link.split("#");
  const target = path ? posix.join(posix.dirname(from), decodeURIComponent(path.split("?")[0])) : from;
  if (!statSync(`${ROOT}/${target}`, { throwIfNoEntry: false })) return "leads to nothing";
  if (fragment && target.endsWith(".html")) {
    if (!ALL.includes(target)) return "is no page of the site";
    if (!(await idsOf(target)).includes(decodeURIComponent(fragment))) return "has no such place";
  }
  return null;
}

test("links and their places exist", async () => {
  const faults = [];
  for (const name of PAGES) {
    for (const link of new Set(addresses.get(name)?.links ?? [])) {
      if (/^(https?|mailto):/.test(link)) continue;
      const found = await fault(name, link);
      if (found) faults.push(`${name}: ${link} ${found}`);
    }
  }
  assert.deepEqual(faults, []);
});
