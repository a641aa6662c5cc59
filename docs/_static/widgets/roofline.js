"use strict";
// One product under the roof of a device: what the batch makes of its intensity and its bound.
(() => {
  const BYTES = { float32: 4, bfloat16: 2, float16: 2, int8: 1 };

  // (batch×k)·(k×n), each number moved once, on a device of `rate` FLOP/s and `bandwidth` B/s.
  function step(rate, bandwidth, batch, k, n, size) {
    const flops = k === 1 ? batch * n : 2 * batch * k * n;
    const bytes = size * (batch * k + k * n + batch * n);
    const intensity = flops / bytes;
    return {
      flops,
      bytes,
      intensity,
      attainable: Math.min(rate, bandwidth * intensity),
      seconds: Math.max(flops / rate, bytes / bandwidth),
      bound: flops / rate >= bytes / bandwidth ? "compute" : "memory",
    };
  }

  // The least batch whose intensity reaches the ridge; null if no batch does.
  function crossing(rate, bandwidth, k, n, size) {
    const reaches = (batch) => {
      const one = step(rate, bandwidth, batch, k, n, size);
      return one.flops * bandwidth >= one.bytes * rate;
    };
    const most = 2 ** 40;
    if (!reaches(most)) return null;
    let [below, above] = [0, most];
    while (above - below > 1) {
      const middle = Math.floor((below + above) / 2);
      if (reaches(middle)) above = middle;
      else below = middle;
    }
    return above;
  }

  if (typeof document === "undefined") {
    globalThis.einlabRoofline = { step, crossing };
    return;
  }

  const SVG = "http://www.w3.org/2000/svg";
  const UNITS = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
  const [WIDTH, HEIGHT, LEFT, BOTTOM] = [520, 300, 62, 262];
  const X = [-1, 4]; // powers of ten of FLOP/B

  function si(value, unit) {
    const rounded = Number(value.toPrecision(3));
    const [size, prefix] = UNITS.find(([least]) => rounded >= least) ?? UNITS[UNITS.length - 1];
    return `${Number((rounded / size).toPrecision(3))} ${prefix}${unit}`;
  }

  const digits = (value) => Number(value.toPrecision(3)).toLocaleString("en");

  function shape(parent, name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  function picture(machine, rate, one) {
    const top = Math.ceil(Math.log10(rate) + 0.1);
    const low = Math.min(top - 5, Math.floor(Math.log10(machine.bandwidth) - 1));
    const x = (v) => LEFT + ((Math.log10(v) - X[0]) / (X[1] - X[0])) * (WIDTH - LEFT - 24);
    const y = (v) => BOTTOM - ((Math.log10(v) - low) / (top - low)) * (BOTTOM - 14);
    const ridge = rate / machine.bandwidth;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `the roof of ${machine.name} with its ridge, and the product`);
    svg.style.cssText = "width: 100%; max-width: 640px; display: block";
    const faint = { stroke: "currentColor", "stroke-opacity": 0.2 };
    const words = { fill: "currentColor", "font-size": 12 };
    for (let power = X[0]; power <= X[1]; power += 1) {
      const at = x(10 ** power);
      shape(svg, "line", { x1: at, x2: at, y1: 14, y2: BOTTOM, ...faint });
      shape(svg, "text", { x: at, y: BOTTOM + 16, "text-anchor": "middle", ...words }, 10 ** power);
    }
    for (let power = low; power <= top; power += 1) {
      const at = y(10 ** power);
      shape(svg, "line", { x1: LEFT, x2: WIDTH - 24, y1: at, y2: at, ...faint });
      shape(svg, "text", { x: LEFT - 6, y: at + 4, "text-anchor": "end", ...words }, si(10 ** power, ""));
    }
    shape(svg, "text", { x: WIDTH - 24, y: HEIGHT - 4, "text-anchor": "end", ...words }, "FLOP/B");
    shape(svg, "text", { x: 4, y: 12, ...words }, "FLOP/s");
    const corners = [10 ** X[0], ridge, 10 ** X[1]];
    shape(svg, "polyline", {
      points: corners.map((v) => `${x(v)},${y(Math.min(rate, machine.bandwidth * v))}`).join(" "),
      fill: "none",
      stroke: "var(--color-brand-primary)",
      "stroke-width": 3,
    });
    shape(svg, "line", {
      x1: x(ridge), x2: x(ridge), y1: y(rate), y2: BOTTOM,
      stroke: "var(--color-brand-primary)", "stroke-dasharray": "4 4",
    });
    shape(svg, "text", { x: x(ridge) - 4, y: BOTTOM - 6, "text-anchor": "end", ...words }, "ridge");
    shape(svg, "circle", {
      cx: x(one.intensity), cy: y(one.attainable), r: 7,
      fill: "#e2711d", stroke: "currentColor",
    });
    return svg;
  }

  function select(text, names, chosen, draw) {
    const label = document.createElement("label");
    const element = document.createElement("select");
    for (const name of names) {
      const option = document.createElement("option");
      option.textContent = name;
      option.selected = name === chosen;
      element.append(option);
    }
    element.addEventListener("input", draw);
    label.append(`${text} `, element);
    return [label, element];
  }

  function slider(text, settings, most, draw) {
    const label = document.createElement("label");
    const shown = document.createElement("span");
    shown.className = "number";
    const element = document.createElement("input");
    element.type = "range";
    element.min = 0;
    element.max = 8 * Math.log2(most);
    element.value = Math.round(8 * Math.log2(settings[text]));
    const spell = () => {
      shown.textContent = ` ${text} = ${settings[text].toLocaleString("en")} `;
    };
    element.addEventListener("input", () => {
      settings[text] = Math.round(2 ** (element.value / 8));
      spell();
      draw();
    });
    spell();
    label.append(shown, element);
    return label;
  }

  function mount(box) {
    const settings = { batch: 1, width: 4096, ...JSON.parse(box.dataset.settings) };
    const machines = JSON.parse(document.getElementById(`data-${settings.data}`).textContent);
    const names = machines.map((machine) => machine.name);
    const [device, chosen] = select("device", names, settings.machine, draw);
    const [dtype, kind] = select("dtype", Object.keys(BYTES), settings.dtype ?? "bfloat16", draw);
    const place = document.createElement("div");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";
    const sliders = [slider("batch", settings, 4096, draw), slider("width", settings, 16384, draw)];

    function draw() {
      const machine = machines[chosen.selectedIndex];
      const size = BYTES[kind.value];
      const rate = machine.peak[kind.value];
      const { batch, width } = settings;
      if (rate === undefined) {
        place.replaceChildren();
        said.textContent = `no figure is published for ${kind.value} on ${machine.name}`;
        return;
      }
      const one = step(rate, machine.bandwidth, batch, width, width, size);
      const least = crossing(rate, machine.bandwidth, width, width, size);
      const lines = [
        `(${batch}×${width})·(${width}×${width}): ${digits(one.intensity)} FLOP/B; ridge at ${digits(rate / machine.bandwidth)} FLOP/B`,
        `bound by ${one.bound}: at most ${si(one.attainable, "FLOP/s")} of ${si(rate, "FLOP/s")}`,
        `at least ${si(one.seconds, "s")}, ${si(one.seconds / batch, "s")} for each row of the batch`,
        least === null
          ? "no batch reaches the ridge: the matrix is too small"
          : `from a batch of ${least.toLocaleString("en")} on it is bound by compute`,
      ];
      place.replaceChildren(picture(machine, rate, one));
      globalThis.einlabParts.tell(said, lines);
    }
    const controls = document.createElement("div");
    controls.append(device, dtype, ...sliders);
    box.append(controls, place, said);
    draw();
  }

  document.querySelectorAll('[data-widget="roofline"]').forEach(mount);
})();
