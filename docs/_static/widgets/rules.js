"use strict";
// Laws of the product tried on matrices: both sides in numbers, and a count of trials.
(() => {
  const zip = (x, y, join) => x.map((row, i) => row.map((value, j) => join(value, y[i][j])));
  const plus = (x, y) => zip(x, y, (p, q) => p + q);
  const times = (x, y) =>
    x.map((row) => y[0].map((_, j) => row.reduce((sum, value, k) => sum + value * y[k][j], 0)));
  const flip = (x) => x[0].map((_, j) => x.map((row) => row[j]));

  // Each law: what it says, and its two sides.
  const LAWS = {
    "(AB)C = A(BC)": (a, b, c) => [times(times(a, b), c), times(a, times(b, c))],
    "A(B + C) = AB + AC": (a, b, c) => [times(a, plus(b, c)), plus(times(a, b), times(a, c))],
    "(A + B)C = AC + BC": (a, b, c) => [times(plus(a, b), c), plus(times(a, c), times(b, c))],
    "(AB)ᵀ = BᵀAᵀ": (a, b) => [flip(times(a, b)), times(flip(b), flip(a))],
    "(AB)ᵀ = AᵀBᵀ": (a, b) => [flip(times(a, b)), times(flip(a), flip(b))],
    "AB = BA": (a, b) => [times(a, b), times(b, a)],
    "(A + B)(A + B) = AA + AB + AB + BB": (a, b) => [
      times(plus(a, b), plus(a, b)),
      plus(plus(times(a, a), times(b, b)), plus(times(a, b), times(a, b))),
    ],
  };

  // Both sides of a law for square matrices of one size.
  function sides(law, a, b, c) {
    const [left, right] = LAWS[law](a, b, c);
    const equal = zip(left, right, (p, q) => p === q).flat().every(Boolean);
    return { left, right, equal };
  }

  // Kinds of matrices to try a law on; `digit()` gives a whole number from -4 to 4.
  const KINDS = {
    "any three matrices": (digit) => [0, 1, 2].map(() => full(digit)),
    "three diagonal matrices": (digit) => [0, 1, 2].map(() => diagonal(digit(), digit())),
    "A diagonal, B and C any": (digit) => [diagonal(digit(), digit()), full(digit), full(digit)],
    "A a multiple of the identity": (digit) => {
      const same = digit();
      return [diagonal(same, same), full(digit), full(digit)];
    },
  };
  const full = (digit) => [[digit(), digit()], [digit(), digit()]];
  const diagonal = (p, q) => [[p, 0], [0, q]];

  // Digits that are the same on every visit (a linear congruential generator).
  function digits(seed) {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return Math.floor(state / 65536) % 9 - 4;
    };
  }

  const draw3 = (kind, seed) => KINDS[kind](digits(seed));

  if (typeof document === "undefined") {
    globalThis.einlabRules = { sides, draw3, laws: () => Object.keys(LAWS) };
    return;
  }

  function table(caption, rows, style) {
    const element = document.createElement("table");
    element.createCaption().textContent = caption;
    rows.forEach((row, i) => {
      const line = element.insertRow();
      row.forEach((value, j) => {
        const cell = line.insertCell();
        cell.textContent = value;
        const name = style(i, j);
        if (name) cell.className = name;
      });
    });
    return element;
  }

  function select(text, options) {
    const label = document.createElement("label");
    const choose = document.createElement("select");
    choose.style.maxWidth = "100%";
    for (const option of options) choose.add(new Option(option, option));
    label.append(text, choose);
    return { label, choose };
  }

  function mount(box) {
    const law = select("law ", Object.keys(LAWS));
    const kind = select("tried on ", Object.keys(KINDS));
    const show = document.createElement("div");
    show.style.cssText = "display:flex;flex-wrap:wrap;gap:1.5rem";
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    const next = document.createElement("button");
    next.type = "button";
    next.textContent = "Other matrices";
    let seed = 0;
    let held = 0;
    let tried = 0;

    function attempt() {
      seed += 1;
      const matrices = draw3(kind.choose.value, seed * 7919);
      const found = sides(law.choose.value, ...matrices);
      tried += 1;
      held += found.equal ? 1 : 0;
      const [left, right] = law.choose.value.split(" = ");
      const style = (i, j) => (found.left[i][j] === found.right[i][j] ? "done" : "lit");
      show.replaceChildren(
        ...matrices.map((matrix, place) => table("ABC"[place], matrix, () => "")),
        table(left, found.left, style),
        table(right, found.right, style),
      );
      said.textContent =
        `${found.equal ? "Both sides agree" : "The sides differ"}: ` +
        `held in ${held} of ${tried} tried. ` +
        (held < tried ? "One failure is enough: this is no law here." : "No number of trials is a proof.");
    }
    function restart() {
      seed = held = tried = 0;
      attempt();
    }
    law.choose.addEventListener("change", restart);
    kind.choose.addEventListener("change", restart);
    next.addEventListener("click", attempt);
    const controls = document.createElement("p");
    controls.append(law.label, kind.label, next);
    box.append(controls, show, said);
    attempt();
  }

  document.querySelectorAll('[data-widget="rules"]').forEach(mount);
})();
