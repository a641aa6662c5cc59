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

  // The fewest FLOPs of any order, by dynamic programming over subsets of operands.
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
    for (let place = 0; place < n; place += 1) {
      best[1 << place] = 0;
      results[1 << place] = [...terms[place]];
    }
    for (let set = 1; set <= full; set += 1) {
      for (let part = (set - 1) & set; part > (set ^ part); part = (part - 1) & set) {
        const rest = set ^ part;
        const step = flops(results[part], results[rest], results[set], sizes);
        best[set] = Math.min(best[set], best[part] + best[rest] + step);
      }
    }
    return best[full];
  }

  if (typeof document === "undefined") {
    globalThis.einlabLab = { cost, optimum };
    return;
  }

  const { si, binary, tell } = globalThis.einlabParts;

  function mount(box) {
    const { equation, sizes, most = 1000 } = JSON.parse(box.dataset.settings);
    const [inputs, output] = equation.split("->");
    const terms = inputs.split(",");
    let pairs = [];
    let chosen = null;

    const sliders = document.createElement("div");
    for (const index of Object.keys(sizes)) {
      const label = document.createElement("label");
      const text = document.createElement("span");
      text.className = "number";
      const slider = document.createElement("input");
      slider.type = "range";
      slider.min = 0;
      slider.max = 24;
      slider.value = Math.round((24 * Math.log(sizes[index])) / Math.log(most));
      slider.addEventListener("input", () => {
        sizes[index] = Math.max(1, Math.round(most ** (slider.value / 24)));
        text.textContent = ` ${index} = ${sizes[index]} `;
        draw();
      });
      text.textContent = ` ${index} = ${sizes[index]} `;
      label.append(text, slider);
      sliders.append(label);
    }

    const pile = document.createElement("p");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = "Undo";
    undo.addEventListener("click", () => {
      pairs = pairs.slice(0, -1);
      chosen = null;
      draw();
    });
    const reset = document.createElement("button");
    reset.type = "button";
    reset.textContent = "Start again";
    reset.addEventListener("click", () => {
      pairs = [];
      chosen = null;
      draw();
    });

    function state() {
      const arrays = terms.map((term, place) => ({ name: "ABCDEFGH"[place], indices: [...term] }));
      const live = new Set(arrays.keys());
      for (const [i, j] of pairs) {
        const others = [...live].filter((n) => n !== i && n !== j).map((n) => arrays[n].indices);
        live.delete(i);
        live.delete(j);
        live.add(arrays.length);
        arrays.push({
          name: `(${arrays[i].name}${arrays[j].name})`,
          indices: joined(arrays[i].indices, arrays[j].indices, others, output),
        });
      }
      return { arrays, live: [...live] };
    }

    function put(i, j) {
      if (i === j) {
        chosen = null;
      } else {
        pairs = [...pairs, [Math.min(i, j), Math.max(i, j)]];
        chosen = null;
      }
      draw();
    }

    function draw() {
      const { arrays, live } = state();
      const focus = pile.contains(document.activeElement);
      pile.replaceChildren();
      for (const n of live) {
        const item = document.createElement("button");
        item.type = "button";
        item.draggable = live.length > 1;
        const shape = arrays[n].indices.map((index) => `${index}=${sizes[index]}`).join(" ") || "scalar";
        item.textContent = `${arrays[n].name}  ${shape}`;
        item.setAttribute("aria-pressed", String(chosen === n));
        if (chosen === n) item.className = "lit";
        item.addEventListener("click", () => {
          if (live.length === 1) return;
          if (chosen === null) {
            chosen = n;
            draw();
          } else {
            put(chosen, n);
          }
        });
        item.addEventListener("dragstart", (event) => {
          event.dataTransfer.setData("text/plain", String(n));
        });
        item.addEventListener("dragover", (event) => event.preventDefault());
        item.addEventListener("drop", (event) => {
          event.preventDefault();
          put(Number(event.dataTransfer.getData("text/plain")), n);
        });
        pile.append(item, " ");
      }
      if (focus) pile.querySelector("button").focus();
      const now = cost(terms, output, sizes, pairs);
      const least = optimum(terms, output, sizes);
      const lines = [
        live.length > 1
          ? `so far ${si(now.flops, "FLOP")}; choose two arrays (click one, then the other, or drag)`
          : `this order: ${si(now.flops, "FLOP")}, ${binary(now.peak)} alive at once`,
        `the best order: ${si(least, "FLOP")}`,
      ];
      if (live.length === 1) {
        const ratio = now.flops / least;
        lines.push(ratio < 1.0001 ? "that is the best one" : `${Number(ratio.toPrecision(3))} times the best`);
      }
      tell(said, lines);
      undo.disabled = reset.disabled = pairs.length === 0;
    }
    box.append(sliders, pile, said, undo, " ", reset);
    draw();
  }

  document.querySelectorAll('[data-widget="lab"]').forEach(mount);
})();
