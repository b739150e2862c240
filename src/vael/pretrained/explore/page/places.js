// Latents that have places: a grid for each channel of a map, or of the codes.
"use strict";
import { colour, element } from "./elements.js";

const MOST = 8;  // channels, those that carry most
const ABOVE = [230, 97, 1], BELOW = [94, 60, 153];  // of the prior's middle

const range = (count) => Array.from({ length: count }, (_, i) => i);

export class Places {
  constructor(box, facts, picked) {
    const { layers, rows, columns } = facts.layout, { codes, dims } = facts;
    this.facts = facts;
    this.far = Math.max(...dims.map((of) => Math.max(Math.abs(of.low), Math.abs(of.high))));
    this.cells = new Map();
    const names = new Map(dims.map((of) => [of.dim, of.name])), carried = range(layers).map(() => 0);
    if (!codes) dims.forEach((of) => { carried[Math.floor(of.dim / (rows * columns))] += of.kl ?? of.variance; });
    for (const layer of range(layers).sort((a, b) => carried[b] - carried[a]).slice(0, MOST)) {
      const grid = element("div", { className: "places" });
      grid.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
      grid.style.maxWidth = `${3 * columns}rem`;
      for (const row of range(rows)) for (const column of range(columns)) {
        const at = codes ? (row * columns + column) * layers + layer : (layer * rows + row) * columns + column;
        const cell = element("button", { onclick: () => picked(at) });
        cell.dataset.name = codes ? `place ${rows > 1 ? `${row},` : ""}${column}${layers > 1 ? `, piece ${layer}` : ""}` : names.get(at);
        grid.append(cell);
        this.cells.set(at, cell);
      }
      const said = codes ? (layers > 1 ? `piece ${layer}` : "") : `z${layer}`;
      box.append(element("figure", {}, grid, element("figcaption", { className: "soft", textContent: said })));
    }
    box.hidden = false;
  }

  // Codes, or the numbers of a latent.
  paint(values, chosen) {
    for (const [at, cell] of this.cells) {
      const value = values[at], text = `${cell.dataset.name}: ${this.facts.codes ? `code ${value}` : value.toFixed(2)}`;
      cell.style.background = this.facts.codes ? colour(value, this.facts.codes.size) : this.shade(value);
      cell.title = text;
      cell.setAttribute("aria-label", text);
      cell.classList.toggle("here", at === chosen);
    }
  }

  shade(value) {
    const part = Math.sqrt(Math.min(1, Math.abs(value) / this.far)), base = value > 0 ? ABOVE : BELOW;
    return `rgb(${base.map((c) => Math.round(255 + (c - 255) * part)).join(" ")})`;
  }

  name(at) {
    return this.cells.get(at)?.dataset.name ?? "";
  }
}
