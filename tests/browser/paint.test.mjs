// How long a reader waits for the first content of a page: the median of five cold loads, reported.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGES, on, start } from "./site.mjs";

const LOADS = 5;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

let site;
before(async () => { site = await start(); });
after(() => site.close());

function firstPaint(page) {
  return page.evaluate(
    () =>
      new Promise((tell) => {
        new PerformanceObserver((list) => {
          const found = list.getEntriesByName("first-contentful-paint");
          if (found.length) tell(found[0].startTime);
        }).observe({ type: "paint", buffered: true });
      }),
  );
}

test("first contentful paint, median of five cold loads", async (t) => {
  const found = [];
  for (const name of PAGES) {
    const loads = [];
    for (let load = 0; load < LOADS; load += 1) {
      loads.push(await on(site, name, {}, firstPaint));
    }
    found.push([median(loads), name]);
    assert.ok(loads.every((each) => each > 0));
  }
  for (const [time, name] of found) t.diagnostic(`${time.toFixed(0).padStart(5)} ms  ${name}`);
  t.diagnostic(`median of ${found.length} pages: ${median(found.map(([time]) => time)).toFixed(0)} ms`);
});
