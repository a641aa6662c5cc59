"use strict";
// What several widgets say in the same way: numbers with units, lines of text.
(() => {
  const UNITS = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"];

  // Four digits and a prefix: 22 MFLOP.
  function si(value, unit) {
    const found = UNITS.find(([size]) => value >= size);
    return found ? `${Number((value / found[0]).toPrecision(4))} ${found[1]}${unit}` : `${value} ${unit}`;
  }

  // Bytes with a binary prefix: 3.82 MiB.
  function binary(value) {
    let place = 0;
    while (value >= 1024 && place < BINARY.length - 1) {
      value /= 1024;
      place += 1;
    }
    return `${Number(value.toPrecision(4))} ${BINARY[place]}`;
  }

  // Lines of text in place of what an element said.
  function tell(element, lines) {
    element.replaceChildren();
    for (const line of lines) element.append(line, document.createElement("br"));
  }

  globalThis.einlabParts = { si, binary, tell };
})();
