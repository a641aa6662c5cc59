"use strict";
// A 2×2 matrix as a map of the plane: move the point, turn the matrix, see where it arrives.
(() => {
  // What each map does, and the range of its one number.
  const MAPS = {
    "rotate by": { unit: "°", least: -180, most: 180, step: 5, start: 30 },
    "reflect in the line at": { unit: "°", least: 0, most: 180, step: 5, start: 45 },
    "shear by": { unit: "", least: -2, most: 2, step: 0.1, start: 1 },
    "stretch the first axis by": { unit: "×", least: -2, most: 2, step: 0.1, start: 1.5 },
    "project on the line at": { unit: "°", least: 0, most: 180, step: 5, start: 30 },
  };

  // The matrix of a map, its columns being where (1, 0) and (0, 1) arrive.
  function matrix(map, amount) {
    const angle = (amount * Math.PI) / 180;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    if (map === "rotate by") return [[c, -s], [s, c]];
    if (map === "shear by") return [[1, amount], [0, 1]];
    if (map === "stretch the first axis by") return [[amount, 0], [0, 1]];
    if (map === "project on the line at") return [[c * c, c * s], [c * s, s * s]];
    if (map === "reflect in the line at") {
      return [[c * c - s * s, 2 * c * s], [2 * c * s, s * s - c * c]];
    }
    throw new Error(`there is no map ${map}`);
  }

  function apply(rows, point) {
    return rows.map(([first, second]) => first * point[0] + second * point[1]);
  }

  if (typeof document === "undefined") {
    globalThis.einlabRotate = { matrix, apply, maps: () => MAPS };
    return;
  }

  const SVG = "http://www.w3.org/2000/svg";
  const HALF = 2.6; // the picture shows the plane from -HALF to HALF
  const spell = (value) => String(Number(value.toFixed(3)) + 0).replace("-", "−");
  const spelled = (point) => `(${point.map(spell).join(", ")})`;

  function shape(name, attributes) {
    const element = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  }

  function labelled(text, control) {
    const label = document.createElement("label");
    const words = document.createElement("span");
    words.className = "number";
    words.textContent = text;
    label.append(words, control);
    return { label, words };
  }

  function range(least, most, step, value) {
    const slider = document.createElement("input");
    slider.type = "range";
    Object.assign(slider, { min: least, max: most, step });
    slider.value = value;
    return slider;
  }

  function picture() {
    const svg = shape("svg", { viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, role: "img" });
    svg.style.cssText = "width:min(20rem,100%);touch-action:none;cursor:crosshair;display:block";
    svg.setAttribute("aria-label", "the point and where the matrix sends it");
    for (let at = -2; at <= 2; at += 1) {
      const style = { stroke: "#777", "stroke-width": at ? 0.006 : 0.018 };
      svg.append(shape("line", { x1: -HALF, x2: HALF, y1: at, y2: at, ...style }));
      svg.append(shape("line", { y1: -HALF, y2: HALF, x1: at, x2: at, ...style }));
    }
    return svg;
  }

  function mount(box) {
    const settings = JSON.parse(box.dataset.settings);
    const point = settings.point ?? [1, 0];
    const choose = document.createElement("select");
    for (const name of Object.keys(MAPS)) choose.add(new Option(name, name));
    choose.value = settings.map ?? "rotate by";
    const first = MAPS[choose.value];
    const amount = labelled("", range(first.least, first.most, first.step, first.start));
    const turn = amount.label.lastChild;
    const axes = [0, 1].map((axis) => labelled("", range(-2, 2, 0.05, point[axis])));
    const svg = picture();
    const moving = shape("g", {});
    svg.append(moving);
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";

    function arrow(from, to, colour, name) {
      moving.append(
        shape("line", {
          x1: from[0], y1: -from[1], x2: to[0], y2: -to[1], stroke: colour, "stroke-width": 0.05,
        }),
        shape("circle", { cx: to[0], cy: -to[1], r: 0.09, fill: colour }),
      );
      const text = shape("text", {
        x: to[0] + 0.12, y: -to[1] - 0.12, "font-size": 0.26, fill: "currentColor",
      });
      text.textContent = name;
      moving.append(text);
    }

    function draw() {
      const rows = matrix(choose.value, Number(turn.value));
      const arrives = apply(rows, point);
      const { unit } = MAPS[choose.value];
      amount.words.textContent = `${spell(Number(turn.value))}${unit} `;
      axes.forEach(({ words, label }, axis) => {
        words.textContent = `x${"₁₂"[axis]} = ${spell(point[axis])} `;
        label.lastChild.value = point[axis];
      });
      moving.replaceChildren();
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map((corner) => apply(rows, corner));
      moving.append(
        shape("polygon", {
          points: corners.map(([x, y]) => `${x},${-y}`).join(" "),
          fill: "#777", "fill-opacity": 0.25,
        }),
      );
      arrow([0, 0], point, "#b26a00", "x");
      arrow([0, 0], arrives, "#2e7d32", "Ax");
      const written = rows.map((row) => `[${row.map(spell).join(", ")}]`).join(", ");
      said.textContent = `A = [${written}] sends x = ${spelled(point)} to Ax = ${spelled(arrives)}`;
    }

    choose.addEventListener("change", () => {
      const { least, most, step, start } = MAPS[choose.value];
      Object.assign(turn, { min: least, max: most, step });
      turn.value = start;
      draw();
    });
    turn.addEventListener("input", draw);
    axes.forEach(({ label }, axis) =>
      label.lastChild.addEventListener("input", (event) => {
        point[axis] = Number(event.target.value);
        draw();
      }),
    );
    const drag = (event) => {
      if (!event.buttons) return;
      const at = svg.getBoundingClientRect();
      const near = (share) => Math.round((2 * share - 1) * HALF * 20) / 20;
      point[0] = Math.max(-2, Math.min(2, near((event.clientX - at.left) / at.width)));
      point[1] = Math.max(-2, Math.min(2, -near((event.clientY - at.top) / at.height)));
      draw();
    };
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      drag(event);
    });
    svg.addEventListener("pointermove", drag);
    const controls = document.createElement("p");
    controls.append(labelled("the matrix: ", choose).label, amount.label);
    box.append(controls, ...axes.map(({ label }) => label), svg, said);
    draw();
  }

  document.querySelectorAll('[data-widget="rotate"]').forEach(mount);
})();
