"use strict";
// A look-up beside the same as a product of one-hot rows: FLOPs and bytes by sizes.
(() => {
  // t ids into a table of v rows of d float32 numbers.
  function cost(t, v, d) {
    return {
      product: { flops: v === 1 ? t * d : 2 * t * v * d, bytes: 4 * (t * v + v * d + t * d) },
      lookup: { flops: 0, bytes: 4 * (2 * t * d + t) },
    };
  }

  if (typeof document === "undefined") {
    globalThis.einlabOnehot = { cost };
    return;
  }

  const { si, binary } = globalThis.einlabParts;

  function mount(box) {
    const sizes = { ids: 16, rows: 600, width: 64, ...JSON.parse(box.dataset.settings) };
    const most = { ids: 8192, rows: 131072, width: 8192 };
    const controls = document.createElement("div");
    const said = document.createElement("table");
    const live = document.createElement("p");
    live.setAttribute("role", "status");
    for (const name of Object.keys(most)) {
      const label = document.createElement("label");
      const text = document.createElement("span");
      text.className = "number";
      const slider = document.createElement("input");
      slider.type = "range";
      slider.min = 0;
      slider.max = Math.log2(most[name]) * 4;
      slider.value = Math.round(4 * Math.log2(sizes[name]));
      slider.addEventListener("input", () => {
        sizes[name] = Math.round(2 ** (slider.value / 4));
        text.textContent = ` ${name} = ${sizes[name].toLocaleString("en")} `;
        draw();
      });
      text.textContent = ` ${name} = ${sizes[name].toLocaleString("en")} `;
      label.append(text, slider);
      controls.append(label);
    }

    function row(cells, tag) {
      const line = document.createElement("tr");
      for (const cell of cells) {
        const element = document.createElement(tag);
        element.textContent = cell;
        line.append(element);
      }
      return line;
    }

    function draw() {
      const { product, lookup } = cost(sizes.ids, sizes.rows, sizes.width);
      said.replaceChildren(
        row(["", "FLOPs", "bytes"], "th"),
        row(["one-hot product", si(product.flops, "FLOP"), binary(product.bytes)], "td"),
        row(["look-up", "none", binary(lookup.bytes)], "td"),
      );
      const ratio = product.bytes / lookup.bytes;
      live.textContent = `the product moves ${Number(ratio.toPrecision(3)).toLocaleString("en")} times the bytes`;
    }
    box.append(controls, said, live);
    draw();
  }

  document.querySelectorAll('[data-widget="onehot"]').forEach(mount);
})();
