"use strict";
// A product as a sum of outer products: column k of A times row k of B, one after the other.
(() => {
  // Column k of a times row k of b: a table as large as the whole result.
  function outer(a, b, k) {
    return a.map((row) => b[k].map((value) => row[k] * value));
  }

  // The sum of the first `count` outer products.
  function partial(a, b, count) {
    return a.map((row) =>
      b[0].map((_, j) => {
        let sum = 0;
        for (let k = 0; k < count; k += 1) sum += row[k] * b[k][j];
        return sum;
      }),
    );
  }

  if (typeof document === "undefined") {
    globalThis.einlabOuter = { outer, partial };
    return;
  }

  function table(caption, rows, lit) {
    const element = document.createElement("table");
    const title = element.createCaption();
    title.textContent = caption;
    title.style.whiteSpace = "nowrap";
    rows.forEach((row, i) => {
      const line = element.insertRow();
      row.forEach((value, j) => {
        const cell = line.insertCell();
        cell.textContent = value;
        const style = lit(i, j);
        if (style) cell.className = style;
      });
    });
    return element;
  }

  function mount(box) {
    const { a, b } = JSON.parse(box.dataset.settings);
    const inner = b.length;
    const label = document.createElement("label");
    const shown = document.createElement("span");
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 1;
    slider.max = inner;
    slider.value = 1;
    label.append(shown, slider);
    const show = document.createElement("div");
    show.style.display = "flex";
    show.style.flexWrap = "wrap";
    show.style.gap = "1.5rem";
    show.style.alignItems = "flex-start";
    const said = document.createElement("p");
    said.setAttribute("role", "status");

    function draw() {
      const count = Number(slider.value);
      const k = count - 1;
      shown.textContent = `outer products added: ${count} of ${inner} `;
      show.replaceChildren(
        table("A", a, (_, j) => (j === k ? "lit" : "")),
        table("B", b, (i) => (i === k ? "lit2" : "")),
        table(`column ${k} times row ${k}`, outer(a, b, k), () => ""),
        table(`sum of the first ${count}`, partial(a, b, count), () =>
          count === inner ? "done" : "",
        ),
      );
      said.textContent =
        count === inner
          ? "All terms are added: this is AB."
          : `Every cell has ${count} of its ${inner} terms; ${inner - count} to come.`;
    }
    slider.addEventListener("input", draw);
    box.append(label, show, said);
    draw();
  }

  document.querySelectorAll('[data-widget="outer"]').forEach(mount);
})();
