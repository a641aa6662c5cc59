"use strict";
// Weights of a model's attention heads on a text: softmax of the products of queries and keys.
(() => {
  // Rows of weights from rows of products q·k: divided by the root of the head size or not, with
  // the keys after a query left out or not.
  function weights(products, size, divided, causal) {
    const scale = divided ? 1 / Math.sqrt(size) : 1;
    return products.map((row, query) => {
      const seen = (key) => !causal || key <= query;
      const most = Math.max(...row.filter((_, key) => seen(key)));
      const powers = row.map((value, key) => (seen(key) ? Math.exp(scale * (value - most)) : 0));
      const total = powers.reduce((sum, value) => sum + value, 0);
      return powers.map((value) => value / total);
    });
  }

  // How many keys a row spreads over: 2 to its entropy in bits, 1 if one has all the weight.
  function spread(row) {
    const bits = row.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
    return 2 ** bits;
  }

  if (typeof document === "undefined") {
    globalThis.einlabHeads = { weights, spread };
    return;
  }

  function choice(text, count, start, draw) {
    const label = document.createElement("label");
    const select = document.createElement("select");
    for (let i = 0; i < count; i += 1) {
      const option = document.createElement("option");
      option.value = i;
      option.textContent = i + 1;
      option.selected = i === start;
      select.append(option);
    }
    select.addEventListener("input", draw);
    label.append(`${text} `, select);
    return [label, select];
  }

  function tick(text, checked, draw) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = checked;
    box.addEventListener("input", draw);
    label.append(box, ` ${text}`);
    return [label, box];
  }

  function mount(box) {
    const settings = JSON.parse(box.dataset.settings);
    const data = JSON.parse(document.getElementById(`data-${settings.data}`).textContent);
    const { words, size, products } = data;
    let token = settings.token;
    const [layerLabel, layer] = choice("layer", products.length, settings.layer - 1, draw);
    const [headLabel, head] = choice("head", products[0].length, settings.head - 1, draw);
    const [divideLabel, divide] = tick("divided by √d", true, draw);
    const [causalLabel, causal] = tick("causal mask", false, draw);
    const controls = document.createElement("p");
    controls.append(layerLabel, headLabel, divideLabel, causalLabel);

    const hint = document.createElement("p");
    hint.textContent = "The query (choose a token):";
    const line = document.createElement("p");
    const buttons = words.map((word, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = word;
      button.addEventListener("click", () => {
        token = place;
        draw();
      });
      line.append(button, " ");
      return button;
    });
    const table = document.createElement("table");
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.className = "number";

    // A key with its weight, as a bar and as a number.
    function key(word, weight) {
      const row = document.createElement("tr");
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = word;
      const cell = document.createElement("td");
      cell.style.textAlign = "left";
      cell.style.width = "min(22rem, 45vw)";
      const bar = document.createElement("div");
      bar.style.cssText = "height: 0.8em; background: var(--color-brand-primary)";
      bar.style.width = `${100 * weight}%`;
      cell.append(bar);
      const number = document.createElement("td");
      number.className = "number";
      number.textContent = `${(100 * weight).toFixed(1)} %`;
      row.append(name, cell, number);
      return row;
    }

    function draw() {
      const all = products[Number(layer.value)][Number(head.value)];
      const row = weights(all, size, divide.checked, causal.checked)[token];
      buttons.forEach((button, place) => {
        button.classList.toggle("lit", place === token);
        button.setAttribute("aria-pressed", place === token);
      });
      table.replaceChildren(...words.map((word, place) => key(word, row[place])));
      const top = row.indexOf(Math.max(...row));
      said.textContent =
        `“${words[token]}” takes most from “${words[top]}” (${(100 * row[top]).toFixed(0)} %); ` +
        `its weights spread over ${spread(row).toFixed(1)} tokens`;
    }
    box.append(controls, hint, line, table, said);
    draw();
  }

  document.querySelectorAll('[data-widget="heads"]').forEach(mount);
})();
