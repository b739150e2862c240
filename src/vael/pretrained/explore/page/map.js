// The encoded examples in a plane of latent space.
"use strict";
import * as api from "./api.js";
import { colour, css, element } from "./elements.js";

const NEAR = 9;  // pixels from an example that are taken for it
const EDGE = 14;

export class LatentMap {
  constructor(facts, painter, { chosen, moved, failed }) {
    Object.assign(this, { facts, painter, chosen, moved, failed, z: facts.centre, originals: new Map(), only: null });
    const find = (id) => document.getElementById(id);
    [this.points, this.marks, this.tip] = ["points", "marks", "tip"].map(find);
    [this.view, this.across, this.up, this.colouring] = ["view", "across", "up", "colour"].map(find);
    this.load = api.latest(async (axes) => {
      this.plane = await api.plane(axes);
      find("axis-x").textContent = `across: ${this.plane.names[0]}`;
      find("axis-y").textContent = `up: ${this.plane.names[1] || "spread, no meaning"}`;
      this.draw();
    }, failed);
    this.hover = api.latest((i, x, y) => this.show(i, x, y), failed);
    this.options();
    this.listen();
    this.load(facts.planes[0].axes);
  }

  options() {
    const names = new Map(this.facts.dims.map((of) => [of.dim, of.name]));
    const name = (axes) => axes ? axes.map((d) => names.get(d)).join(" \u00d7 ") : "principal components";
    const { planes, dims, colourings } = this.facts;
    planes.forEach((plane, i) => this.view.append(element("option", { value: i, textContent: name(plane.axes) + (i ? " (highest KL)" : "") })));
    if (dims.length > 2) this.view.append(element("option", { value: "own", textContent: "two dimensions\u2026" }));
    for (const [select, at] of [[this.across, 0], [this.up, 1]]) {
      select.append(...dims.map((of) => element("option", { value: of.dim, textContent: of.name })));
      select.selectedIndex = at;
      select.addEventListener("change", () => this.own());
    }
    this.view.addEventListener("change", () => {
      const own = this.view.value === "own";
      document.querySelectorAll("#map .axis").forEach((label) => { label.hidden = !own; });
      own ? this.own() : this.load(planes[this.view.value].axes);
    });
    colourings.forEach((c, i) => this.colouring.append(element("option", { value: i, textContent: c.name })));
    document.getElementById("colouring").hidden = colourings.length < 2;
    this.colouring.addEventListener("change", () => { this.only = null; this.draw(); });
  }

  own() {
    if (this.across.value === this.up.value) {
      const other = this.facts.dims.find((of) => String(of.dim) !== this.across.value);
      this.up.value = other.dim;
    }
    this.load([this.across.value, this.up.value]);
  }

  listen() {
    const redraw = () => this.draw();
    new ResizeObserver(redraw).observe(this.points);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    const at = (event) => { const box = this.marks.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    let down = null, dragged = false;
    this.marks.addEventListener("pointerdown", (event) => {
      down = at(event);
      dragged = false;
      this.marks.setPointerCapture(event.pointerId);
    });
    this.marks.addEventListener("pointermove", (event) => {
      const [x, y] = at(event);
      if (down && (dragged ||= Math.hypot(x - down[0], y - down[1]) > 4)) {
        this.hide();
        this.move(x, y);
        return;
      }
      const i = this.nearest(x, y);
      i === null ? this.hide() : this.hover(i, x, y);
    });
    this.marks.addEventListener("pointerup", (event) => {
      const [x, y] = at(event), i = this.nearest(x, y);
      if (down && !dragged) i === null ? this.move(x, y) : this.chosen(i);
      down = null;
    });
    this.marks.addEventListener("pointercancel", () => { down = null; });
    this.marks.addEventListener("pointerleave", () => this.hide());
  }

  // From coordinates of the plane to pixels: one scale for both axes, so that angles are true.
  fit() {
    const { width, height } = this.points.getBoundingClientRect(), [across, up] = this.plane.u;
    const range = (u) => { let low = Infinity, high = -Infinity; for (const v of u) { low = Math.min(low, v); high = Math.max(high, v); } return [low, high]; };
    const [x0, x1] = range(across), [y0, y1] = range(up);
    const scale = Math.min((width - 2 * EDGE) / (x1 - x0 || 1), (height - 2 * EDGE) / (y1 - y0 || 1));
    this.scale = scale;
    this.middle = [(x0 + x1) / 2, (y0 + y1) / 2];
    this.box = [width, height];
  }

  pixel(u, v) {
    return [this.box[0] / 2 + (u - this.middle[0]) * this.scale, this.box[1] / 2 - (v - this.middle[1]) * this.scale];
  }

  draw() {
    if (!this.plane || !this.points.clientWidth) return;
    this.fit();
    const sharp = devicePixelRatio, [width, height] = this.box, [across, up] = this.plane.u;
    for (const canvas of [this.points, this.marks]) Object.assign(canvas, { width: width * sharp, height: height * sharp });
    const pen = this.points.getContext("2d"), by = this.facts.colourings[this.colouring.value || 0];
    pen.scale(sharp, sharp);
    pen.globalAlpha = across.length > 2000 ? 0.6 : 0.85;
    const radius = across.length > 2000 ? 1.7 : across.length > 500 ? 2.6 : 3.6;
    for (let i = 0; i < across.length; i++) {
      if (by && this.only !== null && by.values[i] !== this.only) continue;
      const [x, y] = this.pixel(across[i], up[i]);
      pen.fillStyle = by ? colour(by.values[i], by.count) : css("--accent");
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.fill();
    }
    this.legend(by);
    this.mark();
  }

  legend(by) {
    const place = document.getElementById("legend");
    place.replaceChildren(...(by ? Array.from({ length: by.count }, (_, value) => {
      const dot = element("i");
      dot.style.background = colour(value, by.count);
      const button = element("button", { title: "only these", onclick: () => { this.only = this.only === value ? null : value; this.draw(); } }, dot, `${value}`);
      button.setAttribute("aria-pressed", this.only === value);
      return element("li", {}, button);
    }) : []));
  }

  // A cross where the decoded latent is; it may lie outside of the plane, and is then its shadow.
  mark() {
    if (!this.plane || !this.box) return;
    const pen = this.marks.getContext("2d"), { centre, axes } = this.plane;
    const u = axes.map((axis) => axis.reduce((sum, a, i) => sum + a * (this.z[i] - centre[i]), 0));
    const [x, y] = this.pixel(u[0], u.length > 1 ? u[1] : this.middle[1]);
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    pen.clearRect(0, 0, ...this.box);
    for (const [style, width] of [[css("--card"), 5], [css("--ink"), 2]]) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(x, y, 8, 0, 7);
      pen.moveTo(x - 13, y); pen.lineTo(x - 4, y); pen.moveTo(x + 4, y); pen.lineTo(x + 13, y);
      pen.moveTo(x, y - 13); pen.lineTo(x, y - 4); pen.moveTo(x, y + 4); pen.lineTo(x, y + 13);
      pen.stroke();
    }
  }

  set(z) {
    this.z = z;
    this.mark();
  }

  nearest(x, y) {
    if (!this.plane || !this.box) return null;
    const [across, up] = this.plane.u;
    let best = null, least = NEAR * NEAR;
    const by = this.facts.colourings[this.colouring.value || 0];
    for (let i = 0; i < across.length; i++) {
      if (by && this.only !== null && by.values[i] !== this.only) continue;
      const [px, py] = this.pixel(across[i], up[i]), far = (px - x) ** 2 + (py - y) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  // To a place of the plane; what is orthogonal to it stays as it is.
  move(x, y) {
    if (!this.plane || !this.box) return;
    const u = [this.middle[0] + (x - this.box[0] / 2) / this.scale, this.middle[1] - (y - this.box[1] / 2) / this.scale];
    const { centre, axes } = this.plane, z = [...this.z];
    axes.forEach((axis, k) => {
      const now = axis.reduce((sum, a, i) => sum + a * (this.z[i] - centre[i]), 0);
      axis.forEach((a, i) => { z[i] += a * (u[k] - now); });
    });
    this.moved(z);
  }

  describe(i) {
    return this.facts.colourings.map((c) => `${c.name} ${c.values[i]}`).join(", ");
  }

  async show(i, x, y) {
    this.wanted = i;
    if (!this.originals.has(i)) this.originals.set(i, await api.original(i));
    if (this.originals.size > 500) this.originals.delete(this.originals.keys().next().value);
    if (this.wanted !== i) return;
    this.painter.paint(this.tip.querySelector(".frame"), this.originals.get(i));
    this.tip.querySelector("span").textContent = [`#${i}`, this.describe(i)].filter(Boolean).join(", ");
    this.tip.hidden = false;
    const left = x > this.box[0] / 2 ? x - this.tip.offsetWidth - 14 : x + 14;
    const top = Math.max(0, Math.min(y - this.tip.offsetHeight / 2, this.box[1] - this.tip.offsetHeight));
    Object.assign(this.tip.style, { left: `${left}px`, top: `${top}px` });
  }

  hide() {
    this.wanted = null;
    this.tip.hidden = true;
  }
}
