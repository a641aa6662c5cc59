"use strict";
// A picture rebuilt from its largest singular values, as many as the slider says.
(() => {
  // Σ over the first r terms of u[:, i]·s[i]·v[i, :]; u is rows × terms, v is terms × columns.
  function rebuilt(u, s, v, r) {
    return u.map((row) => {
      const line = new Array(v[0].length).fill(0);
      for (let i = 0; i < r; i += 1) {
        const weight = row[i] * s[i];
        for (let j = 0; j < line.length; j += 1) line[j] += weight * v[i][j];
      }
      return line;
    });
  }

  // The relative Frobenius error of the best approximation of rank r (Eckart and Young).
  function error(values, r) {
    const square = (list) => list.reduce((sum, value) => sum + value * value, 0);
    return Math.sqrt(square(values.slice(r)) / square(values));
  }

  if (typeof document === "undefined") {
    globalThis.einlabRank = { rebuilt, error };
    return;
  }

  function mount(box) {
    const { data } = JSON.parse(box.dataset.settings);
    const { u, s, v, values } = JSON.parse(document.getElementById(`data-${data}`).textContent);
    const canvas = document.createElement("canvas");
    canvas.height = u.length;
    canvas.width = v[0].length;
    canvas.style.width = "min(100%, 480px)";
    canvas.style.imageRendering = "pixelated";
    canvas.setAttribute("role", "img");
    const label = document.createElement("label");
    const shown = document.createElement("span");
    shown.className = "number";
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 1;
    slider.max = s.length;
    slider.value = 8;
    label.append(shown, slider);
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";

    function draw() {
      const r = Number(slider.value);
      shown.textContent = ` rank ${r} `;
      const context = canvas.getContext("2d");
      const image = context.createImageData(canvas.width, canvas.height);
      rebuilt(u, s, v, r).forEach((row, i) =>
        row.forEach((value, j) => {
          const grey = Math.round(255 * Math.min(1, Math.max(0, value)));
          image.data.set([grey, grey, grey, 255], 4 * (i * canvas.width + j));
        }),
      );
      context.putImageData(image, 0, 0);
      const whole = u.length * v[0].length;
      const held = r * (u.length + v[0].length);
      const share = (100 * held) / whole;
      const off = (100 * error(values, r)).toFixed(1);
      canvas.setAttribute("aria-label", `the picture at rank ${r}`);
      said.textContent =
        `${held.toLocaleString("en")} numbers of ${whole.toLocaleString("en")} ` +
        `(${share.toFixed(0)} %), off by ${off} %`;
    }
    slider.addEventListener("input", draw);
    const line = document.createElement("p");
    line.append(label);
    box.append(canvas, line, said);
    draw();
  }

  document.querySelectorAll('[data-widget="rank"]').forEach(mount);
})();
