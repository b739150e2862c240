// A slider for each latent dimension, the one that carries most first.
"use strict";
import { element, number } from "./elements.js";

const FIRST = 24;

function histogram(bins) {
  const most = Math.max(...bins), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", `0 0 ${bins.length} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", bins.map((n, i) => `M${i} 1v${-n / most}h1v${n / most}z`).join(""));
  svg.append(path);
  return svg;
}

export class Sliders {
  constructor(place, more, facts, moved) {
    this.facts = facts;
    this.rows = new Map(facts.dims.map((of) => [of.dim, this.row(of, moved)]));
    place.append(...[...this.rows.values()].map((row) => row.box));
    const rest = [...this.rows.values()].slice(FIRST);
    if (!rest.length) return;
    rest.forEach((row) => { row.box.hidden = true; });
    Object.assign(more, { hidden: false, textContent: `Show ${rest.length} more, which carry less` });
    more.addEventListener("click", () => {
      rest.forEach((row) => { row.box.hidden = false; });
      more.hidden = true;
    });
  }

  row(of, moved) {
    const kl = of.kl === null ? "" : `KL ${number(of.kl)} nats, `;
    const input = element("input", { type: "range", min: of.low, max: of.high, step: (of.high - of.low) / 600 });
    input.setAttribute("aria-label", of.name);
    const output = element("output"), name = element("b", { textContent: of.name, title: "double-click: back to the prior's mean" });
    const box = element("div", { className: of.active ? "dim" : "dim idle" }, name,
      element("div", { className: "track" }, histogram(of.histogram), input), output,
      element("small", { textContent: `${kl}activity ${number(of.variance)}${of.active ? "" : ", inactive"}` }));
    box.classList.toggle("of-map", of.name.includes("["));
    box.dataset.dim = of.dim;
    input.addEventListener("input", () => moved(of.dim, Number(input.value)));
    name.addEventListener("dblclick", () => moved(of.dim, this.facts.centre[of.dim]));
    return { box, input, output };
  }

  // To the top, whether it was hidden or not.
  raise(dim) {
    const { box, input } = this.rows.get(dim);
    box.hidden = false;
    box.parentNode.prepend(box);
    input.focus();
  }

  set(z) {
    for (const [dim, row] of this.rows) {
      if (document.activeElement !== row.input || Math.abs(Number(row.input.value) - z[dim]) > row.input.step) row.input.value = z[dim];
      row.output.textContent = number(z[dim]);
    }
  }
}
