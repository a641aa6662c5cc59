"use strict";
// A chain of matrices: every grouping's FLOPs, and how the best one changes with the sizes.
(() => {
  // The cheapest grouping of matrices s[0]×s[1], s[1]×s[2], …: FLOPs and brackets.
  function best(sizes) {
    const n = sizes.length - 1;
    const cost = Array.from({ length: n }, () => new Array(n).fill(0));
    const text = Array.from({ length: n }, (_, i) => {
      const row = new Array(n).fill("");
      row[i] = "ABCDEFGH"[i];
      return row;
    });
    for (let span = 1; span < n; span += 1) {
      for (let i = 0; i + span < n; i += 1) {
        const j = i + span;
        cost[i][j] = Infinity;
        for (let cut = i; cut < j; cut += 1) {
          const all = cost[i][cut] + cost[cut + 1][j] + flops(sizes[i], sizes[cut + 1], sizes[j + 1]);
          if (all < cost[i][j]) {
            cost[i][j] = all;
            text[i][j] = `(${text[i][cut]}${text[cut + 1][j]})`;
          }
        }
      }
    }
    return { flops: cost[0][n - 1], grouping: bare(text[0][n - 1]) };
  }

  // A product of m×k and k×n; a sum over one term is no sum.
  function flops(m, k, n) {
    return k === 1 ? m * n : 2 * m * k * n;
  }

  function leftToRight(sizes) {
    let total = 0;
    for (let i = 2; i < sizes.length; i += 1) total += flops(sizes[0], sizes[i - 1], sizes[i]);
    return total;
  }

  const bare = (text) => (text.startsWith("(") ? text.slice(1, -1) : text);

  if (typeof document === "undefined") {
    globalThis.einlabChain = { best, leftToRight };
    return;
  }

  const { si, tell } = globalThis.einlabParts;

  function mount(box) {
    const { sizes, most } = JSON.parse(box.dataset.settings);
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";
    const sliders = document.createElement("div");
    const names = "ijklmnop";
    sizes.forEach((size, place) => {
      const label = document.createElement("label");
      const shown = document.createElement("span");
      shown.className = "number";
      const slider = document.createElement("input");
      slider.type = "range";
      slider.min = 0;
      slider.max = 30;
      slider.value = Math.round((30 * Math.log(size)) / Math.log(most));
      const set = (exact) => {
        sizes[place] = exact ?? Math.round(most ** (slider.value / 30));
        shown.textContent = ` ${names[place]} = ${sizes[place]} `;
      };
      slider.addEventListener("input", () => {
        set();
        draw();
      });
      set(size);
      label.append(shown, slider);
      sliders.append(label);
    });

    function draw() {
      const shapes = sizes
        .slice(1)
        .map((size, place) => `${"ABCDEFGH"[place]} ${sizes[place]}×${size}`)
        .join(", ");
      const found = best(sizes);
      const plain = leftToRight(sizes);
      const ratio = plain / found.flops;
      tell(said, [
        shapes,
        `from left to right: ${si(plain, "FLOP")}`,
        `best grouping ${found.grouping}: ${si(found.flops, "FLOP")}`,
        ratio > 1.005 ? `${Number(ratio.toPrecision(3))} times less work` : "nothing to gain",
      ]);
    }
    box.append(sliders, said);
    draw();
  }

  document.querySelectorAll('[data-widget="chain"]').forEach(mount);
})();
