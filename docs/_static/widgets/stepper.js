"use strict";
// One entry of a product at a time: the row, the column, the terms, the sum.
(() => {
  function terms(a, b, i, j) {
    return a[i].map((value, k) => [value, b[k][j], value * b[k][j]]);
  }

  if (typeof document === "undefined") {
    globalThis.einlabStepper = { terms };
    return;
  }

  const spell = (value) => (value < 0 ? `(${value})` : `${value}`);

  function table(caption, rows, lit) {
    const element = document.createElement("table");
    const title = element.createCaption();
    title.textContent = caption;
    rows.forEach((row, i) => {
      const line = element.insertRow();
      row.forEach((value, j) => {
        const cell = line.insertCell();
        cell.textContent = value === null ? "·" : value;
        const style = lit(i, j);
        if (style) cell.className = style;
      });
    });
    return element;
  }

  function mount(box) {
    const { a, b } = JSON.parse(box.dataset.settings);
    const rows = a.length;
    const columns = b[0].length;
    let step = 0;
    const show = document.createElement("div");
    show.style.display = "flex";
    show.style.flexWrap = "wrap";
    show.style.gap = "1.5rem";
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";
    const buttons = document.createElement("p");
    const button = (text, move) => {
      const element = document.createElement("button");
      element.type = "button";
      element.textContent = text;
      element.addEventListener("click", () => {
        step = Math.min(Math.max(step + move, 0), rows * columns - 1);
        draw();
      });
      buttons.append(element, " ");
    };
    button("Previous entry", -1);
    button("Next entry", 1);

    function draw() {
      const i = Math.floor(step / columns);
      const j = step % columns;
      const product = a.map((_, r) =>
        b[0].map((_, c) =>
          r * columns + c > step ? null : terms(a, b, r, c).reduce((sum, term) => sum + term[2], 0),
        ),
      );
      show.replaceChildren(
        table("A", a, (r) => (r === i ? "lit" : "")),
        table("B", b, (_, c) => (c === j ? "lit2" : "")),
        table("AB", product, (r, c) => (r === i && c === j ? "done" : "")),
      );
      const parts = terms(a, b, i, j);
      const left = parts.map(([x, y]) => `${spell(x)}·${spell(y)}`).join(" + ");
      const middle = parts.map((term) => spell(term[2])).join(" + ");
      said.textContent = `row ${i}, column ${j}: ${left} = ${middle} = ${product[i][j]}`;
    }
    box.append(show, said, buttons);
    draw();
  }

  document.querySelectorAll('[data-widget="stepper"]').forEach(mount);
})();
