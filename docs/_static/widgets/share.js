"use strict";
// FLOPs of the products of one transformer layer by the number of tokens, and their shares.
(() => {
  // A model has a width, heads of a size, groups of heads that share keys and values, and a
  // feed-forward width, gated (three matrices) or not (two). All pairs of tokens are counted.
  function products(tokens, model) {
    const { width, heads, groups, size, feed, gated } = model;
    const matrix = (columns) => 2 * tokens * width * columns;
    const pairs = 2 * heads * tokens * tokens * size;
    return {
      "queries, keys, values": matrix(heads * size) + 2 * matrix(groups * size),
      scores: pairs,
      "weighted values": pairs,
      output: matrix(heads * size),
      [gated ? "gate and up" : "up"]: matrix(feed) * (gated ? 2 : 1),
      down: matrix(feed),
    };
  }

  // The number of tokens from which on the pairs of tokens take half of a layer's FLOPs or more.
  function half(model) {
    const one = products(1, model);
    const pairs = one.scores + one["weighted values"];
    const all = Object.values(one).reduce((sum, flops) => sum + flops, 0);
    return Math.ceil((all - pairs) / pairs);
  }

  if (typeof document === "undefined") {
    globalThis.einlabShare = { products, half };
    return;
  }

  const MOST = 20;
  const { si } = globalThis.einlabParts;

  function mount(box) {
    const settings = JSON.parse(box.dataset.settings);
    const models = JSON.parse(document.getElementById(`data-${settings.data}`).textContent);
    const controls = document.createElement("p");
    const modelLabel = document.createElement("label");
    const chosen = document.createElement("select");
    for (const name of Object.keys(models)) {
      const option = document.createElement("option");
      option.textContent = name;
      option.selected = name === settings.model;
      chosen.append(option);
    }
    chosen.addEventListener("input", draw);
    modelLabel.append("model ", chosen);
    const label = document.createElement("label");
    const text = document.createElement("span");
    text.className = "number";
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 0;
    slider.max = 4 * MOST;
    slider.value = Math.round(4 * Math.log2(settings.tokens));
    slider.style.width = "min(20rem, 60vw)";
    slider.addEventListener("input", draw);
    label.append(text, slider);
    controls.append(modelLabel, label);
    const table = document.createElement("table");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";

    // A product with its FLOPs, and its share as a number and a bar.
    function line(name, flops, share) {
      const row = document.createElement("tr");
      const first = document.createElement("th");
      first.scope = "row";
      first.style.textAlign = "left";
      first.textContent = name;
      const count = document.createElement("td");
      count.className = "number";
      count.textContent = si(flops, "FLOP");
      const percent = document.createElement("td");
      percent.className = "number";
      percent.textContent = `${(100 * share).toFixed(1)} %`;
      const cell = document.createElement("td");
      cell.style.width = "min(16rem, 30vw)";
      const bar = document.createElement("div");
      const pairs = name === "scores" || name === "weighted values";
      const colour = pairs ? "#b26a00" : "var(--color-brand-primary)";
      bar.style.cssText = `height: 0.8em; width: ${100 * share}%; background: ${colour}`;
      cell.append(bar);
      row.append(first, count, percent, cell);
      return row;
    }

    function draw() {
      const model = models[chosen.value];
      const tokens = Math.round(2 ** (slider.value / 4));
      text.textContent = `${tokens.toLocaleString("en")} tokens `;
      const found = products(tokens, model);
      const all = Object.values(found).reduce((sum, flops) => sum + flops, 0);
      table.replaceChildren(
        ...Object.entries(found).map(([name, flops]) => line(name, flops, flops / all)),
      );
      const pairs = (found.scores + found["weighted values"]) / all;
      said.textContent =
        `${si(all, "FLOP")} a layer, ${si(all / tokens, "FLOP")} a token; ` +
        `pairs of tokens take ${(100 * pairs).toFixed(1)} %, ` +
        `half from ${half(model).toLocaleString("en")} tokens on`;
    }
    box.append(controls, table, said);
    draw();
  }

  document.querySelectorAll('[data-widget="share"]').forEach(mount);
})();
