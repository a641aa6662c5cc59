"use strict";
// An einsum expression as the loops that it stands for, and loops as the expression they are.
(() => {
  const NAMES = "ABCDEFGH";

  const bracketed = (term) => (term ? `[${[...term].join(", ")}]` : "[()]");
  const unique = (letters) => [...new Set(letters)];

  // The terms of an expression; without an arrow the output is what occurs once, in the alphabet.
  function read(equation) {
    const bare = equation.replace(/\s/g, "").replaceAll("→", "->");
    const [left, right, ...more] = bare.split("->");
    if (more.length) throw new Error("an expression has one arrow at most");
    if (!/^[a-zA-Z,]*$/.test(left + (right ?? ""))) {
      throw new Error("this page reads letters, commas and one arrow");
    }
    const terms = left.split(",");
    if (terms.length > NAMES.length) throw new Error(`at most ${NAMES.length} arrays fit here`);
    const seen = [...left.replaceAll(",", "")];
    const once = (letter) => seen.indexOf(letter) === seen.lastIndexOf(letter);
    const output = right ?? seen.filter(once).sort().join("");
    for (const letter of output) {
      if (!seen.includes(letter)) {
        throw new Error(`the output has ${letter}, which no array has: nothing says how long it is`);
      }
    }
    if (unique(output).length < output.length) throw new Error("the output names an index twice");
    return { terms, output };
  }

  // Which indices are kept and which are summed, each in the order in which it is met.
  function roles(equation) {
    const { terms, output } = read(equation);
    const summed = unique(terms.join("")).filter((letter) => !output.includes(letter));
    return { kept: [...output], summed };
  }

  // The loops, as Python: one for each index, kept ones outside.
  function toLoops(equation) {
    const { terms, output } = read(equation);
    const { kept, summed } = roles(equation);
    const sizes = kept.map((letter) => `n_${letter}`).join(", ");
    const lines = [`out = zeros((${sizes}${kept.length === 1 ? "," : ""}))`];
    let indent = "";
    for (const letter of [...kept, ...summed]) {
      lines.push(`${indent}for ${letter} in range(n_${letter}):`);
      indent += "    ";
    }
    const factors = terms.map((term, place) => `${NAMES[place]}${bracketed(term)}`);
    lines.push(`${indent}out${bracketed(output)} += ${factors.join(" * ")}`);
    return lines.join("\n");
  }

  // A[i, k], A[i][k] or A[()]: the name and its indices.
  function reference(text) {
    const found = /^\s*([A-Za-z_]\w*)\s*((?:\[[^[\]]*\])+)\s*$/.exec(text);
    if (!found) throw new Error(`${text.trim()} is no array with indices, such as A[i, k]`);
    const inside = found[2].slice(1, -1).replace(/\]\s*\[/g, ",").replace("()", "");
    const letters = inside.split(",").map((part) => part.trim());
    const indices = letters.length === 1 && letters[0] === "" ? [] : letters;
    const wrong = indices.find((index) => !/^[a-zA-Z]$/.test(index));
    if (wrong !== undefined) {
      throw new Error(`an index is one letter here, and ${wrong || "an empty place"} is none`);
    }
    return indices.join("");
  }

  // The expression of loops around one line `out[…] += A[…] * B[…] * …`.
  function toEquation(code) {
    const lines = code.split("\n").filter((line) => line.trim());
    const loops = lines.flatMap((line) => /^\s*for\s+([a-zA-Z])\s+in\s+range\(/.exec(line)?.[1] ?? []);
    const inner = lines.filter((line) => line.includes("+="));
    if (inner.length !== 1) throw new Error("there is one line with += in such loops");
    if (lines.at(-1) !== inner[0]) throw new Error("the line with += is the last, inside all loops");
    const [left, right] = inner[0].split("+=");
    const output = reference(left);
    const terms = right.split("*").map(reference);
    const used = unique(terms.join("") + output);
    const free = used.find((index) => !loops.includes(index));
    if (free) throw new Error(`no loop runs over ${free}`);
    const idle = loops.find((index) => !used.includes(index));
    if (idle) throw new Error(`the loop over ${idle} is not used, and would add the same again`);
    if (unique(loops).length < loops.length) throw new Error("two loops run over one index");
    const equation = `${terms.join(",")}->${output}`;
    read(equation);
    return equation;
  }

  if (typeof document === "undefined") {
    globalThis.einlabLoops = { toLoops, toEquation, roles };
    return;
  }

  function mount(box) {
    const { examples } = JSON.parse(box.dataset.settings);
    const label = (text, control) => {
      const element = document.createElement("label");
      element.append(text, control);
      element.style.display = "block";
      return element;
    };
    const equation = document.createElement("input");
    equation.spellcheck = false;
    equation.size = 24;
    const code = document.createElement("textarea");
    code.rows = 8;
    code.spellcheck = false;
    code.style.cssText = "display:block;width:100%;box-sizing:border-box;font-family:monospace";
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    const list = (letters) => (letters.length ? letters.join(", ") : "none");

    function tell() {
      const { kept, summed } = roles(equation.value);
      said.textContent = `Kept: ${list(kept)}. Summed: ${list(summed)}. Loops: ${kept.length + summed.length}.`;
    }
    function attempt(action) {
      try {
        action();
        tell();
      } catch (error) {
        said.textContent = `Not yet: ${error.message}.`;
      }
    }
    const unfold = () => attempt(() => (code.value = toLoops(equation.value)));
    equation.addEventListener("input", unfold);
    code.addEventListener("input", () => attempt(() => (equation.value = toEquation(code.value))));
    const buttons = document.createElement("p");
    for (const example of examples) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = example;
      button.addEventListener("click", () => {
        equation.value = example;
        unfold();
      });
      buttons.append(button, " ");
    }
    equation.value = examples[0];
    box.append(label("expression ", equation), label("loops ", code), said, buttons);
    unfold();
  }

  document.querySelectorAll('[data-widget="loops"]').forEach(mount);
})();
