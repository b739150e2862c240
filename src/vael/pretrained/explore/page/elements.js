// Elements, colours and numbers of the page.
"use strict";

const PALETTE = ["#3f90da", "#ffa90e", "#d4351c", "#94a4a2", "#9b51d0", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"];

export const colour = (value, count) => count <= PALETTE.length
  ? PALETTE[value] : `hsl(${(value * 137.508) % 360} 65% ${value % 2 ? 45 : 60}%)`;

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function element(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children);
  return made;
}

export const number = (value, digits = 2) => value.toFixed(digits).replace("-", "\u2212");
