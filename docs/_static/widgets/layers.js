"use strict";
// A small network: what every layer makes of the inputs, as bars, and what each layer holds.
(() => {
  const BENDS = {
    relu: (x) => Math.max(x, 0),
    tanh: Math.tanh,
    identity: (x) => x,
  };

  // Sums x·W + b of each layer, and its outputs: bent, but for the last layer. Weights are
  // inputs × outputs.
  function values(layers, inputs, bend) {
    const sums = [];
    const outputs = [];
    let row = inputs;
    layers.forEach(({ weight, bias }, place) => {
      const sum = bias.map((start, n) => row.reduce((all, x, k) => all + x * weight[k][n], start));
      row = place === layers.length - 1 ? sum : sum.map(BENDS[bend]);
      sums.push(sum);
      outputs.push(row);
    });
    return { sums, outputs };
  }

  // The number of parameters of each layer.
  function parameters(layers) {
    return layers.map(({ weight, bias }) => weight.length * weight[0].length + bias.length);
  }

  if (typeof document === "undefined") {
    globalThis.einlabLayers = { values, parameters };
    return;
  }

  const SVG = "http://www.w3.org/2000/svg";
  const STEP = 22;
  const HEIGHT = 72;

  function shape(name, settings) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(settings)) made.setAttribute(key, value);
    return made;
  }

  // A bar for each value, up or down from a line in the middle.
  function bars(list, most, name) {
    const width = STEP * list.length;
    const picture = shape("svg", {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      role: "img",
      "aria-label": `${name}: ${list.map((value) => value.toFixed(2)).join(", ")}`,
    });
    const middle = HEIGHT / 2;
    list.forEach((value, place) => {
      const size = (Math.abs(value) / most) * (middle - 2);
      const bar = shape("rect", {
        x: STEP * place + 3,
        y: value < 0 ? middle : middle - size,
        width: STEP - 6,
        height: size,
        style: `fill: ${value < 0 ? "#b26a00" : "var(--color-brand-primary)"}`,
      });
      const told = shape("title", {});
      told.textContent = value.toFixed(3);
      bar.append(told);
      picture.append(bar);
    });
    const line = { x1: 0, x2: width, y1: middle, y2: middle };
    picture.append(shape("line", { ...line, style: "stroke: var(--color-foreground-muted)" }));
    return picture;
  }

  function mount(box) {
    const settings = JSON.parse(box.dataset.settings);
    const layers = JSON.parse(document.getElementById(`data-${settings.data}`).textContent);
    const inputs = settings.inputs.slice();
    const held = parameters(layers);
    const controls = document.createElement("div");
    const shown = document.createElement("div");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";

    inputs.forEach((value, place) => {
      const label = document.createElement("label");
      const text = document.createElement("span");
      text.className = "number";
      const slider = document.createElement("input");
      slider.type = "range";
      slider.min = -2;
      slider.max = 2;
      slider.step = 0.25;
      slider.value = value;
      slider.style.width = "6rem";
      const tell = () => {
        text.textContent = `input ${place + 1}: ${inputs[place].toFixed(2)} `;
      };
      slider.addEventListener("input", () => {
        inputs[place] = Number(slider.value);
        tell();
        draw();
      });
      tell();
      label.append(text, slider);
      controls.append(label);
    });
    const label = document.createElement("label");
    const bend = document.createElement("select");
    for (const name of Object.keys(BENDS)) {
      const option = document.createElement("option");
      option.textContent = name;
      bend.append(option);
    }
    bend.addEventListener("input", draw);
    label.append("between layers: ", bend);
    controls.append(label);

    function draw() {
      const { outputs } = values(layers, inputs, bend.value);
      const rows = [inputs, ...outputs];
      const most = Math.max(1e-9, ...rows.flat().map(Math.abs));
      shown.replaceChildren();
      rows.forEach((list, place) => {
        const last = place === layers.length ? ", nothing after it" : "";
        const name =
          place === 0
            ? `${list.length} inputs`
            : `layer ${place}: ${list.length} values, ${held[place - 1]} parameters${last}`;
        const line = document.createElement("div");
        line.textContent = name;
        shown.append(line, bars(list, most, name));
      });
      const hidden = outputs.slice(0, -1).flat();
      const off = hidden.filter((value) => value === 0).length;
      const total = held.reduce((sum, count) => sum + count, 0);
      const result = outputs[outputs.length - 1].map((value) => value.toFixed(2)).join(", ");
      said.textContent =
        `result ${result}; ${off} of ${hidden.length} values between are 0; ` +
        `${total} parameters, ${4 * total} bytes in float32`;
    }
    box.append(controls, shown, said);
    draw();
  }

  document.querySelectorAll('[data-widget="layers"]').forEach(mount);
})();
