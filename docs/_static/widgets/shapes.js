"use strict";
// What shape comes out of A @ B or A * B, with carets under the sizes that clash.
(() => {
  // "(2, 3, 4)", "2×3×4", "2 3 4" or "" (a plain number): the sizes, or an error.
  function read(text) {
    const bare = text.trim().replace(/^[([]|[)\]]$/g, "").trim();
    if (bare === "") return [];
    const parts = bare.replace(/,\s*$/, "").split(/\s*[×x*,·]\s*|\s+/);
    if (!parts.every((part) => /^\d+$/.test(part))) {
      throw new Error(`write a shape as sizes with commas, such as (3, 4); found ${text.trim()}`);
    }
    return parts.map(Number);
  }

  // The sizes of two shapes, met from the right: the common shape, or the places that clash.
  function broadcast(a, b) {
    const length = Math.max(a.length, b.length);
    const shape = [];
    const clashes = [];
    for (let back = 1; back <= length; back += 1) {
      const [x, y] = [a[a.length - back] ?? 1, b[b.length - back] ?? 1];
      if (x !== y && x !== 1 && y !== 1) clashes.push([a.length - back, b.length - back]);
      shape.unshift(x === 1 ? y : x);
    }
    return { shape, clashes };
  }

  // The shape of the result, or why there is none: {shape} or {fault, clashes: [[axis, axis], …]}.
  function predict(operation, a, b) {
    if (operation === "*") {
      const { shape, clashes } = broadcast(a, b);
      return clashes.length ? { fault: "sizes that meet differ", clashes } : { shape };
    }
    if (!a.length || !b.length) return { fault: "@ takes no plain number: use *", clashes: [] };
    const inner = [a.length - 1, Math.max(b.length - 2, 0)];
    if (a[inner[0]] !== b[inner[1]]) return { fault: "the inner sizes differ", clashes: [inner] };
    const { shape, clashes } = broadcast(a.slice(0, -2), b.slice(0, -2));
    if (clashes.length) return { fault: "the batch sizes do not broadcast", clashes };
    return { shape: [...shape, ...a.slice(-2, -1), ...(b.length > 1 ? b.slice(-1) : [])] };
  }

  const spell = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

  // The two shapes in one line, and beneath it carets under the sizes that clash.
  function carets(operation, a, b, clashes) {
    const between = ` ${operation} `;
    const places = (shape, start) => {
      let at = start + 1; // behind the bracket
      return shape.map((size) => {
        const place = [at, String(size).length];
        at += place[1] + 2; // ", "
        return place;
      });
    };
    const line = spell(a) + between + spell(b);
    const under = new Array(line.length).fill(" ");
    const marks = [places(a, 0), places(b, spell(a).length + between.length)];
    for (const clash of clashes) {
      clash.forEach((axis, operand) => {
        const [start, length] = marks[operand][axis];
        under.fill("^", start, start + length);
      });
    }
    return [line, under.join("").trimEnd()];
  }

  if (typeof document === "undefined") {
    globalThis.einlabShapes = { read, predict, carets };
    return;
  }

  function field(text, value) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.value = value;
    input.size = 14;
    input.spellcheck = false;
    label.append(`${text} `, input);
    return { label, input };
  }

  function mount(box) {
    const { examples } = JSON.parse(box.dataset.settings);
    const a = field("A has shape", spell(examples[0][0]));
    const b = field("B has shape", spell(examples[0][2]));
    const choose = document.createElement("select");
    choose.add(new Option("A @ B, the product of matrices", "@"));
    choose.add(new Option("A * B, entry by entry", "*"));
    const operation = document.createElement("label");
    operation.append("operation ", choose);
    const lines = document.createElement("pre");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    const buttons = document.createElement("p");
    for (const [first, sign, second] of examples) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${spell(first)} ${sign} ${spell(second)}`;
      button.addEventListener("click", () => {
        a.input.value = spell(first);
        b.input.value = spell(second);
        choose.value = sign;
        draw();
      });
      buttons.append(button, " ");
    }

    function draw() {
      try {
        const [x, y] = [read(a.input.value), read(b.input.value)];
        const found = predict(choose.value, x, y);
        const shown = carets(choose.value, x, y, found.clashes ?? []);
        lines.textContent = shown.join("\n");
        said.textContent = found.shape
          ? `The result has shape ${spell(found.shape)}.`
          : `No result: ${found.fault}.`;
      } catch (error) {
        lines.textContent = "";
        said.textContent = error.message;
      }
    }
    a.input.addEventListener("input", draw);
    b.input.addEventListener("input", draw);
    choose.addEventListener("change", draw);
    box.append(a.label, b.label, operation, lines, said, buttons);
    draw();
  }

  document.querySelectorAll('[data-widget="shapes"]').forEach(mount);
})();
