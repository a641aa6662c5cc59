"use strict";
// The contraction lab: put operands together two by two, and see what the order costs.
(() => {
  const volume = (indices, sizes) => [...indices].reduce((all, index) => all * sizes[index], 1);

  // The indices of what two terms become: those that the output or another term still needs.
  function joined(one, two, others, output) {
    const kept = new Set([...output, ...others.flatMap((term) => [...term])]);
    return [...new Set([...one, ...two])].filter((index) => kept.has(index));
  }

  function flops(one, two, result, sizes) {
    const all = volume(new Set([...one, ...two]), sizes);
    const entries = volume(result, sizes);
    return all === entries ? entries : 2 * all;
  }

  // FLOPs, largest intermediate (numbers) and bytes alive at once (float32) of a path in SSA form:
  // arrays are numbered as they are made, operands first.
  function cost(terms, output, sizes, pairs) {
    const arrays = terms.map((term) => [...term]);
    const live = new Set(arrays.keys());
    const operands = arrays.reduce((sum, term) => sum + volume(term, sizes), 0);
    let total = 0;
    let largest = 0;
    let peak = 0;
    let between = 0; // numbers of intermediates alive
    pairs.forEach(([i, j], place) => {
      const others = [...live].filter((n) => n !== i && n !== j).map((n) => arrays[n]);
      const result = joined(arrays[i], arrays[j], others, output);
      total += flops(arrays[i], arrays[j], result, sizes);
      const made = volume(result, sizes);
      peak = Math.max(peak, 4 * (operands + between + made));
      for (const n of [i, j]) {
        live.delete(n);
        if (n >= terms.length) between -= volume(arrays[n], sizes);
      }
      between += made;
      if (place < terms.length - 2) largest = Math.max(largest, made);
      live.add(arrays.length);
      arrays.push(result);
    });
    return { flops: total, size: largest, peak };
  }

  // The fewest FLOPs of any order, by dynamic programming over subsets of operands, and such an
  // order as pairs in SSA form.
  function optimum(terms, output, sizes) {
    const n = terms.length;
    const full = (1 << n) - 1;
    const held = (set) => {
      const inside = new Set();
      const needed = new Set(output);
      terms.forEach((term, place) => {
        for (const index of term) (set & (1 << place) ? inside : needed).add(index);
      });
      return [...inside].filter((index) => needed.has(index));
    };
    const results = Array.from({ length: full + 1 }, (_, set) => held(set));
    const best = new Array(full + 1).fill(Infinity);
    const split = new Array(full + 1).fill(0);
    for (let place = 0; place < n; place += 1) {
      best[1 << place] = 0;
      results[1 << place] = [...terms[place]];
    }
    for (let set = 1; set <= full; set += 1) {
      for (let part = (set - 1) & set; part > (set ^ part); part = (part - 1) & set) {
        const rest = set ^ part;
        const step = flops(results[part], results[rest], results[set], sizes);
        const all = best[part] + best[rest] + step;
        if (all < best[set]) {
          best[set] = all;
          split[set] = part;
        }
      }
    }
    const pairs = [];
    const made = (set) => {
      if (!split[set]) return Math.log2(set);
      const [one, two] = [made(split[set]), made(set ^ split[set])];
      pairs.push([Math.min(one, two), Math.max(one, two)]);
      return n + pairs.length - 1;
    };
    made(full);
    return { flops: best[full], pairs };
  }

  if (typeof document === "undefined") {
    globalThis.einlabLab = { cost, optimum };
    return;
  }

  const { si, binary, tell } = globalThis.einlabParts;

  // What there is after these pairs: every array, those that are left, and a line for each step.
  function after(terms, output, sizes, pairs) {
    const arrays = terms.map((term, place) => ({ name: "ABCDEFGH"[place], indices: [...term] }));
    const live = new Set(arrays.keys());
    const steps = pairs.map(([i, j]) => {
      const [one, two] = [arrays[i], arrays[j]];
      live.delete(i);
      live.delete(j);
      const others = [...live].map((n) => arrays[n].indices);
      const indices = joined(one.indices, two.indices, others, output);
      live.add(arrays.length);
      arrays.push({ name: `(${one.name}${two.name})`, indices });
      const spelled = [one, two].map((array) => array.indices.join("")).join(",");
      return [
        `${one.name}·${two.name}`,
        `${spelled}->${indices.join("")}`,
        si(flops(one.indices, two.indices, indices, sizes), "FLOP"),
      ];
    });
    return { arrays, live: [...live], steps };
  }

  function make(name, text = "", more = {}) {
    const element = document.createElement(name);
    element.textContent = text;
    return Object.assign(element, more);
  }

  function slider(index, sizes, most, act) {
    const label = make("label");
    const text = make("span", "", { className: "number" });
    const input = make("input", "", { type: "range", min: 0, max: 24 });
    input.value = Math.round((24 * Math.log(sizes[index])) / Math.log(most));
    const spell = () => {
      text.textContent = ` ${index} = ${sizes[index]} `;
    };
    input.addEventListener("input", () => {
      sizes[index] = Math.max(1, Math.round(most ** (input.value / 24)));
      spell();
      act();
    });
    spell();
    label.append(text, input);
    return label;
  }

  function table(steps) {
    const element = make("table", "", { className: "number", hidden: steps.length === 0 });
    const line = (cells, tag) => {
      const row = make("tr");
      row.append(...cells.map((cell) => make(tag, cell)));
      return row;
    };
    element.append(line(["step", "einsum", "FLOPs"], "th"), ...steps.map((step) => line(step, "td")));
    return element;
  }

  function mount(box) {
    const { equation, sizes, most = 1000 } = JSON.parse(box.dataset.settings);
    const [inputs, output] = equation.split("->");
    const terms = inputs.split(",");
    let pairs = [];
    let chosen = null;

    const sliders = make("div");
    sliders.append(...Object.keys(sizes).map((index) => slider(index, sizes, most, () => draw())));
    const pile = make("p");
    const said = make("p", "", { className: "number" });
    said.setAttribute("role", "status");
    const done = make("div");
    const button = (text, act) => {
      const element = make("button", text, { type: "button" });
      element.addEventListener("click", act);
      return element;
    };
    const undo = button("Undo", () => go(pairs.slice(0, -1)));
    const reset = button("Start again", () => go([]));
    const show = button("Show the best order", () => go(optimum(terms, output, sizes).pairs));
    const buttons = make("p");
    buttons.append(undo, " ", reset, " ", show);

    // Other pairs; the focus goes to the array that was made, else to one that can be chosen.
    function go(next) {
      pairs = next;
      chosen = null;
      draw();
      const arrays = [...pile.querySelectorAll("button")];
      const last = pairs.length ? arrays[arrays.length - 1] : arrays[0];
      (last ?? undo).focus();
    }

    const put = (i, j) => go([...pairs, [Math.min(i, j), Math.max(i, j)]]);

    function choose(n) {
      if (chosen !== null && chosen !== n) {
        put(chosen, n);
        return;
      }
      chosen = chosen === n ? null : n;
      draw();
      pile.querySelector(`[data-array="${n}"]`).focus();
    }

    function item(n, array) {
      const shape = array.indices.map((index) => `${index}=${sizes[index]}`).join(" ") || "scalar";
      const element = button(`${array.name}  ${shape}`, () => choose(n));
      element.draggable = true;
      element.dataset.array = n;
      element.setAttribute("aria-pressed", String(chosen === n));
      if (chosen === n) element.className = "lit";
      element.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && chosen !== null) choose(chosen);
      });
      element.addEventListener("dragstart", (event) => {
        event.dataTransfer.setData("text/plain", String(n));
      });
      element.addEventListener("dragover", (event) => event.preventDefault());
      element.addEventListener("drop", (event) => {
        event.preventDefault();
        const from = Number(event.dataTransfer.getData("text/plain"));
        if (from !== n) put(from, n);
      });
      return element;
    }

    function draw() {
      const { arrays, live, steps } = after(terms, output, sizes, pairs);
      const over = live.length === 1;
      const items = live.map((n) => (over ? make("strong", arrays[n].name) : item(n, arrays[n])));
      pile.replaceChildren(...items.flatMap((each) => [each, " "]));
      const now = cost(terms, output, sizes, pairs);
      const best = optimum(terms, output, sizes);
      const least = cost(terms, output, sizes, best.pairs);
      const ratio = now.flops / best.flops;
      const verdict = ratio < 1.0001 ? "that is the best one" : `${Number(ratio.toPrecision(3))} times the best`;
      const held = pairs.length ? `${binary(now.peak)} alive at once` : "nothing put together yet";
      tell(said, [
        `${over ? "this order" : "so far"}: ${si(now.flops, "FLOP")}, ${held}`,
        `the best order: ${si(best.flops, "FLOP")}, ${binary(least.peak)} alive at once`,
        over ? verdict : "choose one array, then another (click, or Enter), or drag one onto the other",
      ]);
      done.replaceChildren(table(steps));
      undo.disabled = reset.disabled = pairs.length === 0;
    }
    box.append(sliders, pile, said, done, buttons);
    draw();
  }

  document.querySelectorAll('[data-widget="lab"]').forEach(mount);
})();
