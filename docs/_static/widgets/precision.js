"use strict";
// What float32, bfloat16, float16 and int8 make of a number: its bits, its rounding, its sums.
(() => {
  const FORMATS = {
    float32: { exponent: 8, fraction: 23 },
    bfloat16: { exponent: 8, fraction: 7 },
    float16: { exponent: 5, fraction: 10 },
    int8: null, // a whole number times a scale
  };

  function halfEven(value) {
    return Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
  }

  function leading(size, bias) {
    let power = Math.floor(Math.log2(size));
    while (2 ** power > size) power -= 1;
    while (2 ** (power + 1) <= size) power += 1;
    return Math.max(power, 1 - bias);
  }

  // The whole number that stands for x in int8: rounded half to even, held at the ends.
  function whole(x, scale) {
    return Number.isNaN(x) ? 0 : Math.min(127, Math.max(-128, halfEven(x / scale)));
  }

  // The number of the format that is nearest to x, of two the one with an even last bit.
  function nearest(x, name, scale = 1) {
    const format = FORMATS[name];
    if (format === null) return whole(x, scale) * scale;
    if (!Number.isFinite(x) || x === 0) return x;
    const bias = 2 ** (format.exponent - 1) - 1;
    const size = Math.abs(x);
    const gap = 2 ** (leading(size, bias) - format.fraction);
    const rounded = halfEven(size / gap) * gap;
    const most = (2 - 2 ** -format.fraction) * 2 ** bias;
    return Math.sign(x) * (rounded > most ? Infinity : rounded);
  }

  // The bits of that number, the sign first.
  function encode(x, name, scale = 1) {
    const format = FORMATS[name];
    if (format === null) return (whole(x, scale) & 255).toString(2).padStart(8, "0");
    const { exponent, fraction } = format;
    const bias = 2 ** (exponent - 1) - 1;
    const value = nearest(x, name);
    const sign = value < 0 || Object.is(value, -0) ? "1" : "0";
    if (Number.isNaN(value)) return `0${"1".repeat(exponent + 1)}${"0".repeat(fraction - 1)}`;
    const size = Math.abs(value);
    if (size === Infinity) return `${sign}${"1".repeat(exponent)}${"0".repeat(fraction)}`;
    const power = size === 0 ? 1 - bias : leading(size, bias);
    const digits = size / 2 ** (power - fraction);
    const normal = digits >= 2 ** fraction;
    const field = normal ? power + bias : 0;
    const rest = normal ? digits - 2 ** fraction : digits;
    return sign + field.toString(2).padStart(exponent, "0") + rest.toString(2).padStart(fraction, "0");
  }

  // The number that bits stand for.
  function decode(bits, name, scale = 1) {
    const format = FORMATS[name];
    if (format === null) return ((parseInt(bits, 2) << 24) >> 24) * scale;
    const { exponent, fraction } = format;
    const bias = 2 ** (exponent - 1) - 1;
    const sign = bits[0] === "1" ? -1 : 1;
    const field = parseInt(bits.slice(1, 1 + exponent), 2);
    const rest = parseInt(bits.slice(1 + exponent), 2);
    if (field === 2 ** exponent - 1) return rest ? NaN : sign * Infinity;
    const digits = field ? 2 ** fraction + rest : rest;
    return sign * digits * 2 ** (Math.max(field, 1) - bias - fraction);
  }

  // x stored, and added up `count` times: in the format itself, or (wide) in float32 or int32.
  function sum(x, count, name, wide, scale = 1) {
    if (FORMATS[name] === null) {
      const total = count * whole(x, scale);
      return (wide ? total : ((total & 255) << 24) >> 24) * scale;
    }
    const term = nearest(x, name);
    const kept = wide ? "float32" : name;
    let total = 0;
    for (let i = 0; i < count; i += 1) total = nearest(total + term, kept);
    return total;
  }

  if (typeof document === "undefined") {
    globalThis.einlabPrecision = { nearest, encode, decode, sum };
    return;
  }

  function field(text, value, width, act) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "number";
    input.step = "any";
    input.value = value;
    input.style.width = width;
    input.addEventListener("input", () => act(Number(input.value)));
    label.append(`${text} `, input);
    return [label, input];
  }

  function part(place, name) {
    const format = FORMATS[name];
    if (format === null) return [place ? "done" : "lit", place ? `bit ${7 - place}` : "sign"];
    if (place === 0) return ["lit", "sign"];
    if (place <= format.exponent) return ["lit2", `exponent, bit ${format.exponent - place}`];
    return ["done", `fraction, bit ${format.exponent + format.fraction - place}`];
  }

  function mount(box) {
    const state = { x: 0.1, name: "bfloat16", count: 1000, scale: 1, ...JSON.parse(box.dataset.settings) };
    // The bits that are shown: those of x, or those that were turned (a NaN has many).
    const written = () => encode(state.x, state.name, state.scale);
    let bits = written();
    const controls = document.createElement("div");
    const [numberLabel, number] = field("number", state.x, "9rem", (value) => change({ x: value }));
    const [countLabel] = field("added up", state.count, "5rem", (value) =>
      change({ count: Math.min(20000, Math.max(1, Math.round(value) || 1)) }),
    );
    const [scaleLabel] = field("scale of int8", state.scale, "5rem", (value) =>
      change({ scale: value > 0 ? value : 1 }),
    );
    const label = document.createElement("label");
    const chosen = document.createElement("select");
    for (const name of Object.keys(FORMATS)) {
      const option = document.createElement("option");
      option.textContent = name;
      option.selected = name === state.name;
      chosen.append(option);
    }
    chosen.addEventListener("input", () => {
      state.name = chosen.value;
      bits = written();
      lay();
      draw();
    });
    label.append("bits of ", chosen);
    const examples = document.createElement("p");
    for (const value of [0.1, 1, 300, 2049, 70000, 16777217, 1e-8]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = value;
      button.addEventListener("click", () => {
        number.value = value;
        change({ x: value });
      });
      examples.append(button, " ");
    }
    const row = document.createElement("div");
    row.style.cssText = "display: flex; flex-wrap: wrap; gap: 2px; margin: 0.5rem 0";
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";
    const table = document.createElement("table");
    table.className = "number";
    let buttons = [];

    function change(what) {
      Object.assign(state, what);
      bits = written();
      draw();
    }

    function flip(place) {
      const turned = bits[place] === "1" ? "0" : "1";
      bits = bits.slice(0, place) + turned + bits.slice(place + 1);
      state.x = decode(bits, state.name, state.scale);
      number.value = Number.isFinite(state.x) ? state.x : "";
      draw();
    }

    function lay() {
      buttons = [...encode(0, state.name)].map((_, place) => {
        const button = document.createElement("button");
        const [style, told] = part(place, state.name);
        button.type = "button";
        button.className = style;
        button.title = told;
        button.style.cssText = "padding: 0; min-width: 24px; min-height: 26px";
        button.addEventListener("click", () => flip(place));
        return button;
      });
      row.replaceChildren(...buttons);
    }

    function line(cells, tag) {
      const element = document.createElement("tr");
      for (const cell of cells) {
        const one = document.createElement(tag);
        one.textContent = cell;
        element.append(one);
      }
      return element;
    }

    function draw() {
      const { x, name, count, scale } = state;
      [...bits].forEach((bit, place) => {
        buttons[place].textContent = bit;
        buttons[place].setAttribute("aria-label", `${buttons[place].title}: ${bit}`);
      });
      const spell = (value) => `${Number(value.toPrecision(9))}`;
      said.textContent = `${name} holds ${spell(nearest(x, name, scale))}; sign, exponent and fraction by colour, click a bit to turn it`;
      const rows = Object.keys(FORMATS).map((each) => {
        const held = nearest(x, each, scale);
        const wholes = FORMATS[each] === null ? ` = ${whole(x, scale)} × ${spell(scale)}` : "";
        const off = x === 0 || held === x ? 0 : Math.abs(held - x) / Math.abs(x);
        return line(
          [
            each,
            spell(held) + wholes,
            Number.isFinite(off) ? off.toExponential(1) : "–",
            spell(sum(x, count, each, false, scale)),
            spell(sum(x, count, each, true, scale)),
          ],
          "td",
        );
      });
      const heads = ["dtype", "holds", "relative error", `${count} times, in the dtype`, "in 32 bits"];
      table.replaceChildren(line(heads, "th"), ...rows);
    }
    controls.append(numberLabel, label, countLabel, scaleLabel);
    box.append(controls, examples, row, said, table);
    lay();
    draw();
  }

  document.querySelectorAll('[data-widget="precision"]').forEach(mount);
})();
