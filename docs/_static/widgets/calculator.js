"use strict";
// A calculator of one product: FLOPs, bytes, intensity, and the least time on a machine.
(() => {
  const BYTES = { float64: 8, float32: 4, bfloat16: 2, float16: 2, int8: 1 };

  function product(batch, m, k, n, dtype) {
    const entries = batch * m * n;
    const size = BYTES[dtype];
    const bytes = size * (batch * m * k + batch * k * n + entries);
    const flops = k === 1 ? entries : 2 * entries * k;
    return { flops, bytes, intensity: flops / bytes };
  }

  if (typeof document === "undefined") {
    globalThis.einlabCalculator = { product };
    return;
  }

  const { si, binary, tell } = globalThis.einlabParts;

  function mount(box) {
    const settings = { batch: 1, dtype: "float32", ...JSON.parse(box.dataset.settings) };
    const fields = {};
    const form = document.createElement("div");
    for (const name of ["batch", "m", "k", "n"]) {
      const label = document.createElement("label");
      const input = document.createElement("input");
      input.type = "number";
      input.min = 1;
      input.max = 1e6;
      input.value = settings[name];
      input.style.width = "6.5rem";
      input.addEventListener("input", draw);
      fields[name] = input;
      label.append(`${name} `, input);
      form.append(label);
    }
    const label = document.createElement("label");
    const dtype = document.createElement("select");
    for (const name of Object.keys(BYTES)) {
      const option = document.createElement("option");
      option.textContent = name;
      option.selected = name === settings.dtype;
      dtype.append(option);
    }
    dtype.addEventListener("input", draw);
    label.append("dtype ", dtype);
    form.append(label);
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";

    function draw() {
      const [batch, m, k, n] = ["batch", "m", "k", "n"].map((name) =>
        Math.max(1, Math.round(Number(fields[name].value) || 1)),
      );
      const found = product(batch, m, k, n, dtype.value);
      const lines = [
        `(${m}×${k})·(${k}×${n})${batch > 1 ? `, ${batch} times` : ""} = ${m}×${n}`,
        si(found.flops, "FLOP"),
        `${binary(found.bytes)} of operands and result`,
        `${Number(found.intensity.toPrecision(4))} FLOP/B if each byte moves once`,
      ];
      tell(said, lines);
    }
    box.append(form, said);
    draw();
  }

  document.querySelectorAll('[data-widget="calculator"]').forEach(mount);
})();
