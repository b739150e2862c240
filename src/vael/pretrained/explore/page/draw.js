// Frames: an image's RGBA bytes on a canvas, a table's values as bars, a series' as curves.
"use strict";
import { curves, hatch, legend } from "./curves.js";
import { css, element, number } from "./elements.js";

export class Painter {
  constructor(facts) {
    this.shape = facts.shape;
    this.columns = facts.columns;
    this.series = this.shape.length === 2;
    document.body.classList.toggle("holes", facts.holes);
    this.size = this.columns.length ? 4 * this.columns.length : 4 * this.shape[1] * this.shape[2];
  }

  split(buffer) {
    return Array.from({ length: buffer.byteLength / this.size }, (_, i) => buffer.slice(i * this.size, (i + 1) * this.size));
  }

  // A frame on the place's canvas: an image as it is, a table as a profile of its columns.
  paint(place, frame) {
    let canvas = place.querySelector("canvas");
    if (!canvas) place.append(canvas = element("canvas"));
    if (this.columns.length) return this.profile(canvas, frame);
    const [, height, width] = this.shape;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(frame), width, height), 0, 0);
  }

  // How many values of an example are missing, as a sentence's end.
  missing(frame) {
    const pixels = new Uint8Array(frame), image = !this.columns.length;
    const gone = image ? pixels.filter((value, i) => i % 4 === 3 && !value).length : this.scores(frame).filter(Number.isNaN).length;
    const all = frame.byteLength / 4, kind = image ? "pixels" : "values";
    return gone && document.body.classList.contains("holes") ? `, hatched: ${gone} of ${all} ${kind} not observed` : "";
  }

  profile(canvas, frame) {
    const values = this.scores(frame), pen = canvas.getContext("2d");
    if (this.series) return curves(canvas, values, this.shape);
    Object.assign(canvas, { width: 240, height: 160, className: "profile" });
    pen.fillStyle = css("--accent");
    const width = canvas.width / values.length;
    values.forEach((value, i) => {
      if (Number.isNaN(value)) return hatch(pen, i * width, width, canvas.height);
      const top = 80 - Math.max(-1, Math.min(1, value / 3)) * 76;
      pen.fillRect(i * width, Math.min(80, top), Math.max(1, width - 1), Math.abs(80 - top) || 1);
    });
  }

  scores(frame) {
    return [...new Float32Array(frame)].map((value, i) => (value - this.columns[i].mean) / this.columns[i].std);
  }

  // The large one: of a table every column with its name and value.
  show(place, frame) {
    if (!this.columns.length) return this.paint(place, frame);
    if (this.series) {
      this.paint(place, frame);
      if (place.children.length < 2) place.append(legend(this.shape));
      return;
    }
    if (!place.firstChild) {
      place.append(element("dl", { className: "columns" }, ...this.columns.flatMap((column) => [
        element("dt", { textContent: column.name, title: `${column.name}: ${number(column.mean)} \u00b1 ${number(column.std)} in the training data` }),
        element("meter", { min: -3, max: 3 }), element("dd"),
      ])));
    }
    const values = new Float32Array(frame), scores = this.scores(frame);
    place.querySelectorAll("meter").forEach((meter, i) => { meter.value = scores[i]; });
    place.querySelectorAll("dd").forEach((cell, i) => { cell.textContent = Number(values[i].toPrecision(4)).toString().replace("-", "\u2212"); });
  }
}
