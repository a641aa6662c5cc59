"use strict";
// A product in tiles: which tiles are in the cache at each step, and what has moved so far.
(() => {
  // The cache holds one tile each of A, B and C, all n×n. `order` names the loops from the outside
  // in: "ijk" keeps a tile of C until it is done, "kij" goes over all of C for each k.
  function walk(n, tile, order) {
    const blocks = Math.ceil(n / tile);
    const side = (block) => Math.min(tile, n - block * tile);
    const area = ([x, y]) => side(x) * side(y);
    const same = (one, two) => one !== null && one[0] === two[0] && one[1] === two[1];
    const begun = new Set();
    const held = { a: null, b: null, c: null };
    let [read, written] = [0, 0];
    const steps = [];
    const at = { i: 0, j: 0, k: 0 };
    for (let x = 0; x < blocks; x += 1) {
      for (let y = 0; y < blocks; y += 1) {
        for (let z = 0; z < blocks; z += 1) {
          [at[order[0]], at[order[1]], at[order[2]]] = [x, y, z];
          const need = { a: [at.i, at.k], b: [at.k, at.j], c: [at.i, at.j] };
          if (!same(held.a, need.a)) read += area(need.a);
          if (!same(held.b, need.b)) read += area(need.b);
          if (!same(held.c, need.c)) {
            if (held.c !== null) written += area(held.c);
            if (begun.has(`${need.c}`)) read += area(need.c);
            begun.add(`${need.c}`);
          }
          Object.assign(held, need);
          const last = steps.length + 1 === blocks ** 3;
          steps.push({ ...at, read, written: last ? written + area(held.c) : written });
        }
      }
    }
    return steps;
  }

  if (typeof document === "undefined") {
    globalThis.einlabTiles = { walk };
    return;
  }

  const SVG = "http://www.w3.org/2000/svg";
  const FILL = { a: "#ffe08a", b: "#a8d5ff", c: "#b9e3b4" };
  const CELL = 14;

  // A matrix of n×n cells whose tile at (row, column) is filled; `begun` tiles are marked.
  function grid(name, n, tile, [row, column], begun) {
    const svg = document.createElementNS(SVG, "svg");
    const width = n * CELL + 2;
    svg.setAttribute("viewBox", `-1 -1 ${width} ${width + 18}`);
    svg.setAttribute("width", width);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${name}: tile ${row}, ${column} is in the cache`);
    for (let r = 0; r < n; r += 1) {
      for (let c = 0; c < n; c += 1) {
        const place = [Math.floor(r / tile), Math.floor(c / tile)];
        const lit = place[0] === row && place[1] === column;
        const cell = document.createElementNS(SVG, "rect");
        const known = begun.has(`${place}`);
        cell.setAttribute("x", c * CELL);
        cell.setAttribute("y", r * CELL);
        cell.setAttribute("width", CELL);
        cell.setAttribute("height", CELL);
        cell.setAttribute("fill", lit ? FILL[name.toLowerCase()] : known ? "#7f9f7b" : "none");
        cell.setAttribute("stroke", "currentColor");
        cell.setAttribute("stroke-opacity", 0.35);
        svg.append(cell);
      }
    }
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("x", width / 2);
    text.setAttribute("y", width + 13);
    text.setAttribute("text-anchor", "middle");
    text.setAttribute("fill", "currentColor");
    text.setAttribute("font-size", 13);
    text.textContent = name;
    svg.append(text);
    return svg;
  }

  function select(text, options, chosen, act) {
    const label = document.createElement("label");
    const element = document.createElement("select");
    for (const [value, shown] of options) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = shown;
      option.selected = value === chosen;
      element.append(option);
    }
    element.addEventListener("input", () => act(element.value));
    label.append(`${text} `, element);
    return label;
  }

  function mount(box) {
    const settings = { n: 8, tile: 4, order: "ijk", ...JSON.parse(box.dataset.settings) };
    const { n } = settings;
    let steps = [];
    let now = 0;
    let timer = null;
    const controls = document.createElement("div");
    const pictures = document.createElement("div");
    pictures.style.cssText = "display: flex; flex-wrap: wrap; gap: 1rem; margin: 0.6rem 0";
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";
    const label = document.createElement("label");
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 0;
    label.append("step ", slider);
    const buttons = document.createElement("p");

    function button(text, act) {
      const element = document.createElement("button");
      element.type = "button";
      element.textContent = text;
      element.addEventListener("click", act);
      buttons.append(element, " ");
      return element;
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      run.textContent = "Run";
    }

    function go(to) {
      now = Math.min(Math.max(to, 0), steps.length - 1);
      draw();
    }
    button("Previous tile", () => { stop(); go(now - 1); });
    button("Next tile", () => { stop(); go(now + 1); });
    const run = button("Run", () => {
      if (timer !== null) return stop();
      if (now === steps.length - 1) go(0);
      run.textContent = "Stop";
      timer = setInterval(() => {
        go(now + 1);
        if (now === steps.length - 1) stop();
      }, Math.max(60, 6000 / steps.length));
      return undefined;
    });
    button("To the end", () => { stop(); go(steps.length - 1); });
    slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });

    function draw() {
      const { i, j, k, read, written } = steps[now];
      const begun = new Set(steps.slice(0, now + 1).map((one) => `${one.i},${one.j}`));
      slider.value = now;
      pictures.replaceChildren(
        grid("A", n, settings.tile, [i, k], new Set()),
        grid("B", n, settings.tile, [k, j], new Set()),
        grid("C", n, settings.tile, [i, j], begun),
      );
      const end = steps[steps.length - 1];
      const moved = end.read + end.written;
      const lines = [
        `step ${now + 1} of ${steps.length}: ${read} numbers read, ${written} written`,
        `in all ${moved} numbers: ${((2 * n ** 3) / (4 * moved)).toFixed(2)} FLOP/B in float32`,
        `each number once would be ${3 * n * n}: ${((2 * n ** 3) / (12 * n * n)).toFixed(2)} FLOP/B`,
      ];
      globalThis.einlabParts.tell(said, lines);
    }

    function start() {
      stop();
      steps = walk(n, settings.tile, settings.order);
      slider.max = steps.length - 1;
      go(0);
    }
    const sides = [1, 2, 3, 4, 8].filter((side) => side <= n).map((side) => [side, `${side}×${side}`]);
    controls.append(
      select("tile", sides, settings.tile, (value) => {
        settings.tile = Number(value);
        start();
      }),
      select(
        "loops",
        [["ijk", "i, j, k: a tile of C stays"], ["kij", "k, i, j: all of C for each k"]],
        settings.order,
        (value) => {
          settings.order = value;
          start();
        },
      ),
    );
    const line = document.createElement("p");
    line.append(label);
    box.append(controls, buttons, line, pictures, said);
    start();
  }

  document.querySelectorAll('[data-widget="tiles"]').forEach(mount);
})();
