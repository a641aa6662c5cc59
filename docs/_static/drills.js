"use strict";
// Checks the answers of drills in the page, as einlab/drills/answers.py does in the terminal.
(() => {
  const reading = (typeof window === "undefined" ? globalThis : window).einlabReading;
  const NUMBER = /^([-+−]?)((?:\d[\d_,  ]*)?\.?\d*(?:e[-+]?\d+)?)(%?)\s*(.*)$/;

  const fail = (text) => {
    throw new Error(text);
  };

  function number(given, drill) {
    const found = NUMBER.exec(given.trim().toLowerCase());
    const digits = found ? found[2].replace(/[_,  ]/g, "") : "";
    if (!found || !/^\.?\d/.test(digits) || Number.isNaN(Number(digits))) {
      fail(`${given} is no number`);
    }
    let value = Number(digits) * (["-", "−"].includes(found[1]) ? -1 : 1);
    if (found[3] && drill.unit !== "%") value /= 100;
    const rest = found[4].trim();
    const unit = drill.unit.toLowerCase();
    for (const ending of [`${unit}s`, unit, ""]) {
      if (!rest.endsWith(ending)) continue;
      const prefix = rest.slice(0, rest.length - ending.length).trim();
      if (Object.hasOwn(reading.prefixes, prefix)) return value * reading.prefixes[prefix];
    }
    return fail(`${found[4]} is no unit here; the answer is in ${drill.unit || "plain numbers"}`);
  }

  function shape(given) {
    const text = given.trim().toLowerCase().replace(/^[()[\]]+|[()[\]]+$/g, "");
    if (text === "" || text === "scalar") return [];
    const parts = text.replace(/^[ ,]+|[ ,]+$/g, "").split(/\s*[,×x*\s]\s*/);
    if (!parts.every((part) => /^\d+$/.test(part))) {
      fail(`${given} is no shape: write sizes, such as 3×4`);
    }
    return parts.map(Number);
  }

  function canonical(expression) {
    const text = expression.replace(/\s/g, "").replace(/→/g, "->");
    if (!/^[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?$/.test(text)) {
      fail(`${expression} is no einsum expression, such as ij,jk->ik`);
    }
    const arrow = text.indexOf("->");
    const inputs = arrow < 0 ? text : text.slice(0, arrow);
    let output = arrow < 0 ? "" : text.slice(arrow + 2);
    if (arrow < 0) {
      const letters = [...inputs.replace(/,/g, "")];
      const once = new Set(letters.filter((c) => letters.filter((d) => d === c).length === 1));
      output = [...once].sort().join("");
    }
    const names = new Map();
    for (const letter of `${inputs}${output}`.replace(/,/g, "")) {
      if (!names.has(letter)) names.set(letter, `[${names.size}]`);
    }
    return [...`${inputs}->${output}`].map((c) => names.get(c) ?? c).join("");
  }

  function letters(given, drill) {
    const wanted = given.trim().toLowerCase();
    const whole = Object.keys(drill.options).filter(
      (key) => drill.options[key].toLowerCase() === wanted,
    );
    const found = whole.length ? whole : wanted.match(/[\p{L}\p{N}_]/gu) || [];
    if (!found.length || !found.every((letter) => Object.hasOwn(drill.options, letter))) {
      fail(`${given} names no options; they are ${Object.keys(drill.options).join(", ")}`);
    }
    return found;
  }

  const sameNumber = (found, drill) =>
    Math.abs(found - drill.answer) <= Math.max(drill.tolerance, 5e-15) * Math.abs(drill.answer);
  const sameList = (found, wanted) =>
    found.length === wanted.length && found.every((one, place) => one === wanted[place]);

  function nearNumber(found, drill) {
    for (const [factor, why] of reading.factors) {
      if (drill.answer && sameNumber(found * factor, drill)) {
        return `not quite: it is off by a factor of ${why}`;
      }
    }
    return found < drill.answer ? "too small" : "too large";
  }

  function nearShape(found, drill) {
    const sorted = (list) => [...list].sort((a, b) => a - b);
    if (sameList(sorted(found), sorted(drill.answer))) return "the right sizes in another order";
    if (found.length !== drill.answer.length) return `it has ${drill.answer.length} axes`;
    return "another size";
  }

  function nearOrder(found, drill) {
    if (!sameList([...found].sort(), [...drill.answer].sort())) return "each step is needed once";
    const placed = found.filter((letter, place) => letter === drill.answer[place]).length;
    return `${placed} of ${drill.answer.length} stand in the right place`;
  }

  function nearEinsum(found, drill) {
    const inputs = (text) => text.split("->")[0];
    return inputs(found) === inputs(canonical(drill.answer))
      ? "the inputs are right, the output is another one"
      : "not that one";
  }

  const READERS = {
    number: [number, sameNumber, nearNumber],
    shape: [shape, (found, drill) => sameList(found, drill.answer), nearShape],
    einsum: [canonical, (found, drill) => found === canonical(drill.answer), nearEinsum],
    choice: [letters, (found, drill) => sameList(found, [drill.answer]), () => "another one"],
    order: [letters, (found, drill) => sameList(found, drill.answer), nearOrder],
  };

  function check(drill, given) {
    const [reader, same, near] = READERS[drill.kind];
    const found = reader(given, drill);
    return same(found, drill)
      ? { right: true, said: "right" }
      : { right: false, said: near(found, drill) };
  }

  if (typeof document === "undefined") {
    globalThis.einlabCheck = check; // for the tests, which run this file without a page
    return;
  }

  function tally() {
    const line = document.querySelector(".drill-tally");
    if (!line) return;
    const right = document.querySelectorAll(".drill.right").length;
    line.textContent = `${right} of ${line.dataset.of} answered rightly`;
  }

  for (const form of document.querySelectorAll(".drill-form")) {
    const drill = JSON.parse(form.dataset.drill);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const output = form.querySelector("output");
      let verdict;
      try {
        verdict = check(drill, form.querySelector("input").value);
      } catch (error) {
        verdict = { right: false, said: error.message };
      }
      output.textContent = verdict.said;
      const box = form.closest(".drill");
      box.classList.toggle("right", verdict.right);
      box.classList.toggle("wrong", !verdict.right);
      tally();
    });
  }
})();
