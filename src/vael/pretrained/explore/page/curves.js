// Series over time, a curve for each channel, and the hatching of what was not observed.
"use strict";
import { colour, css, element } from "./elements.js";

const CHANNELS = 4;  // drawn, as in the report
const REACH = 3.5;  // standard deviations above and below the mean

// Stripes over a column of the canvas.
export function hatch(pen, left, width, height) {
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, Math.max(1, width), height);
  pen.clip();
  pen.strokeStyle = css("--hole");
  pen.lineWidth = 2;
  pen.beginPath();
  for (let x = left - height - (left % 8); x < left + width; x += 8) {
    pen.moveTo(x, height);
    pen.lineTo(x + height, 0);
  }
  pen.stroke();
  pen.restore();
}

// A gap where one channel is missing, hatched where all are: beyond the end.
export function curves(canvas, scores, [channels, steps]) {
  const pen = canvas.getContext("2d");
  Object.assign(canvas, { width: 480, height: 240, className: "profile" });
  const across = (t) => (t + 0.5) * canvas.width / steps;
  const up = (value) => canvas.height / 2 * (1 - Math.max(-1, Math.min(1, value / REACH)));
  pen.strokeStyle = css("--line");
  pen.beginPath();
  pen.moveTo(0, up(0)); pen.lineTo(canvas.width, up(0));
  pen.stroke();
  let from = null;
  for (let t = 0; t <= steps; t++) {
    const gone = t < steps && Array.from({ length: channels }, (_, c) => scores[c * steps + t]).every(Number.isNaN);
    if (gone) from ??= t;
    else if (from !== null) {
      hatch(pen, from * canvas.width / steps, (t - from) * canvas.width / steps, canvas.height);
      from = null;
    }
  }
  for (let c = 0; c < Math.min(CHANNELS, channels); c++) {
    pen.strokeStyle = pen.fillStyle = colour(c, CHANNELS);
    pen.lineWidth = 3;
    pen.beginPath();
    for (let t = 0; t < steps; t++) {
      const value = scores[c * steps + t], before = t && !Number.isNaN(scores[c * steps + t - 1]);
      if (Number.isNaN(value)) continue;
      pen[before ? "lineTo" : "moveTo"](across(t), up(value));
      if (!before && (t === steps - 1 || Number.isNaN(scores[c * steps + t + 1]))) pen.fillRect(across(t) - 2, up(value) - 2, 4, 4);
    }
    pen.stroke();
  }
}

export function legend([channels, steps]) {
  const shown = Math.min(CHANNELS, channels);
  return element("p", { className: "soft channels" }, ...Array.from({ length: shown }, (_, c) => {
    const dot = element("i");
    dot.style.background = colour(c, CHANNELS);
    return element("span", {}, dot, `channel ${c}`);
  }), `${shown < channels ? `of ${channels}, ` : ""}${steps} steps, in standard deviations (up to ${REACH}) from their means in training`);
}
