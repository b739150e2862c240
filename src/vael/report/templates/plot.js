"use strict";
// Draws the figures of the page as SVG: lines, points and bars with hover, zoom and a legend.
// A figure is {data: [trace], layout}, in the words of plotly's figures; the sets below are all
// the words that are known, and another one is an error. Texts are plain: \n breaks a line.
const WORDS = {
  layout: "height hovermode margin legend xaxis yaxis annotations shapes",
  axis: "title type range tickvals ticktext format grid side visible fixedrange zero whole",
  trace: "type mode name x y text error colour width dash shape opacity hover showlegend"
    + " orientation labels bar size symbol opacities colours scale",
};
const check = (kind, found) => {
  const known = WORDS[kind].split(" ");
  for (const word of Object.keys(found)) {
    if (!known.includes(word)) throw new Error(`${kind}: ${word} is not drawn`);
  }
};
const SVG = "http://www.w3.org/2000/svg";
const add = (parent, name, attributes = {}, text = null) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return parent.appendChild(made);
};
const pen = document.createElement("canvas").getContext("2d");
const widest = (texts) => {
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return Math.max(0, ...texts.map((text) => pen.measureText(text).width));
};
const minus = (text) => text.replaceAll("-", "\u2212");
const digits = (value, count = 5) => {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(Math.min(2, count - 1)));
  return minus(Number(value.toPrecision(count)).toLocaleString("en", { maximumFractionDigits: 10 }));
};

// An axis: `at` gives the place in [0, 1] of a value; log axes have ranges in powers of ten.
const makeAxis = (axis, values, zoomed, about) => {
  const log = axis.type === "log", category = axis.type === "category";
  const names = category ? [...new Set(values)] : [];
  const inner = (v) => (category ? names.indexOf(v) : log ? Math.log10(v) : v);
  let range = zoomed;
  if (!range) {
    const known = (category ? names.map((_, i) => i) : values.map(inner)).filter(Number.isFinite);
    let low = Math.min(...known), high = Math.max(...known);
    if (!(high >= low)) [low, high] = [0, 1];
    if (axis.zero) [low, high] = [Math.min(0, low), Math.max(0, high)];
    const margin = category ? 0.5 : 0.05 * (high - low) || 0.05 * Math.abs(high) || 1;
    range = [axis.zero && low === 0 ? 0 : low - margin, high + margin];
  }
  const [low, high] = range;
  const at = (v) => (inner(v) - low) / (high - low);
  const within = (v) => at(v) >= -1e-9 && at(v) <= 1 + 1e-9;
  let ticks = category ? names.map((name) => [name, name])
    : (axis.tickvals || []).map((v, i) => [v, axis.ticktext ? axis.ticktext[i] : digits(v)]);
  ticks = ticks.filter(([v]) => within(v));
  if (!category && ticks.length < 2 && !(axis.tickvals && !zoomed)) {
    const [a, b] = log ? [10 ** low, 10 ** high] : [low, high];
    const raw = (b - a) / about, unit = 10 ** Math.floor(Math.log10(raw));
    const step = Math.max(axis.whole && b - a >= 2 ? 1 : 0, [1, 2, 5, 10].map((s) => s * unit).find((s) => s >= raw * 0.999));
    const text = (v) => (axis.format === "percent" ? `${digits(100 * v, 3)}%` : digits(v, 6));
    ticks = [];
    for (let i = Math.ceil(a / step - 1e-9); i * step <= b + 1e-9 * step; i++) {
      const v = Number((i * step).toPrecision(12));
      ticks.push([v, text(v)]);
    }
  }
  return { at, ticks, range, category };
};

const curve = (points, shape) => points.map(([x, y], i) => {
  if (!i) return `M${x} ${y}`;
  const [px, py] = points[i - 1];
  if (shape === "steps") return `H${x}V${y}`;
  if (shape === "smooth") return `C${(px + x) / 2} ${py} ${(px + x) / 2} ${y} ${x} ${y}`;
  return `L${x} ${y}`;
}).join("");
const between = (scale, share) => {
  const next = Math.max(1, scale.findIndex(([at]) => at >= share));
  const [[a, one], [b, two]] = [scale[next - 1], scale[next]];
  const part = Math.min(1, Math.max(0, (share - a) / (b - a)));
  const hex = (colour, i) => parseInt(colour.slice(i, i + 2), 16);
  return `rgb(${[1, 3, 5].map((i) => Math.round(hex(one, i) * (1 - part) + hex(two, i) * part))})`;
};
const scaled = (scale, value) => {
  const share = Math.min(1, Math.max(0, (value - scale.low) / (scale.high - scale.low || 1)));
  return between(scale.stops, scale.reversed ? 1 - share : share);
};
const colourOf = (trace, i) => (trace.scale && trace.colours ? scaled(trace.scale, trace.colours[i]) : trace.colour);

const draw = (place, figure, state, count) => {
  const { data, layout } = figure;
  check("layout", layout);
  data.forEach((trace) => check("trace", trace));
  check("axis", layout.xaxis);
  check("axis", layout.yaxis);
  const width = Math.max(260, place.clientWidth), height = layout.height || 300;
  place.replaceChildren();
  const legend = layout.legend === false ? [] : data.filter((t) => t.name && t.showlegend !== false);
  if (legend.length) {
    const box = place.appendChild(document.createElement("div"));
    box.className = "legend";
    for (const trace of legend) {
      const item = box.appendChild(document.createElement("span"));
      const swatch = add(item, "svg", { width: 22, height: 10, viewBox: "0 0 22 10" });
      const lined = (trace.mode || "").includes("lines");
      if (trace.type === "bar") add(swatch, "rect", { x: 6, width: 10, height: 10, fill: trace.colour });
      if (lined) add(swatch, "path", { d: "M0 5H22", stroke: trace.colour, "stroke-width": trace.width || 2, "stroke-dasharray": trace.dash || "none" });
      if ((trace.mode || "").includes("markers")) dot(swatch, 11, 5, 8, trace.colour || "var(--soft)", trace.symbol);
      item.append(trace.name);
    }
  }
  const svg = add(place, "svg", { width: "100%", viewBox: `0 0 ${width} ${height}`, class: "drawn" });
  const { xaxis, yaxis, margin = {} } = layout;
  const bars = data.filter((t) => t.type === "bar");
  const scale = data.map((t) => t.scale).find((s) => s && s.shown);
  const xs = data.flatMap((t) => t.x.filter((v) => v !== null));
  const ys = data.flatMap((t) => t.y.flatMap((v, i) => (v === null ? [] : t.error ? [v - t.error[i], v + t.error[i]] : [v])));
  const start = (axis, name) => state[name] || (state.all && !axis.fixedrange ? null : axis.range);
  const y = makeAxis({ zero: bars.some((t) => t.orientation !== "h"), ...yaxis }, ys, start(yaxis, "y"), 5);
  const left = margin.l || (yaxis.visible === false ? 16 : widest(y.ticks.map((t) => t[1])) + (yaxis.title ? 36 : 16));
  const right = (margin.r || 14) + (scale ? 68 : 0);
  const top = margin.t || 12, bottom = margin.b || (xaxis.title ? 44 : 26);
  const w = width - left - right, h = height - top - bottom;
  const x = makeAxis({ zero: bars.some((t) => t.orientation === "h"), ...xaxis }, xs, start(xaxis, "x"), w / 65);
  const X = (v) => left + w * x.at(v), Y = (v) => top + h * (1 - y.at(v));
  const clip = `clip-${count}`;
  add(add(add(svg, "defs"), "clipPath", { id: clip }), "rect", { x: left - 1, y: top - 1, width: w + 2, height: h + 2 });

  let last = -1e9;
  for (const [v, text] of x.ticks) {
    if (xaxis.grid !== false) add(svg, "path", { class: "grid", d: `M${X(v)} ${top}V${top + h}` });
    const half = widest([text]) / 2;
    if (X(v) - half < last + 4 && xaxis.side !== "top") continue;  // no two on top of each other
    last = X(v) + half;
    const middle = Math.min(width - half - 2, Math.max(half + 2, X(v)));
    add(svg, "text", { class: "tick", x: middle, y: xaxis.side === "top" ? top - 12 : top + h + 17, "text-anchor": "middle" }, text);
  }
  if (yaxis.visible !== false) {
    for (const [v, text] of y.ticks) {
      if (!y.category) add(svg, "path", { class: "grid", d: `M${left} ${Y(v)}H${left + w}` });
      add(svg, "text", { class: "tick", x: left - 7, y: Y(v) + 4, "text-anchor": "end" }, text);
    }
  }
  if (xaxis.title) add(svg, "text", { class: "xtitle", x: left + w / 2, y: height - 5, "text-anchor": "middle" }, xaxis.title);
  if (yaxis.title) add(svg, "text", { class: "ytitle", "text-anchor": "middle", transform: `translate(13 ${top + h / 2}) rotate(-90)` }, yaxis.title);
  for (const line of layout.shapes || []) add(svg, "path", { class: "shape", d: `M${X(line.x0)} ${Y(line.y0)}L${X(line.x1)} ${Y(line.y1)}` });

  const ground = add(svg, "g", { "clip-path": `url(#${clip})` });
  const points = [];  // what can be pointed at: place, trace, index
  for (const trace of data) {
    const group = add(ground, "g", { class: "trace", opacity: trace.opacity ?? 1 });
    if (trace.type === "bar") {
      const flat = trace.orientation === "h", axis = flat ? y : x;
      const step = (flat ? h : w) / (axis.range[1] - axis.range[0]), thick = (trace.bar || 0.85) * step;
      trace.x.forEach((v, i) => {
        const [a, b] = flat ? [X(0), X(v)] : [Y(trace.y[i]), Y(0)];
        const box = flat ? { x: a, y: Y(trace.y[i]) - thick / 2, width: Math.max(0, b - a), height: thick }
          : { x: X(v) - thick / 2, y: a, width: thick, height: Math.max(0, b - a) };
        add(group, "rect", { class: "bar", fill: trace.colour, ...box });
        if (trace.labels) add(svg, "text", { class: "tick", x: b + 5, y: Y(trace.y[i]) + 4 }, trace.labels[i]);
        points.push({ trace, i, x: flat ? b : X(v), y: flat ? Y(trace.y[i]) : a, box });
      });
      continue;
    }
    const placed = trace.x.map((v, i) => (v === null || trace.y[i] === null ? null : [X(v), Y(trace.y[i])]));
    if (trace.mode.includes("lines")) {
      const runs = [[]];  // a null is a gap
      for (const point of placed) point ? runs.at(-1).push(point) : runs.push([]);
      for (const run of runs.filter((r) => r.length)) {
        add(group, "path", { class: "line", fill: "none", stroke: trace.colour, "stroke-width": trace.width || 2,
          "stroke-dasharray": trace.dash || "none", "stroke-linejoin": "round", d: curve(run, trace.shape) });
      }
    }
    placed.forEach((point, i) => {
      if (!point) return;
      if (trace.error) {
        const [a, b] = [Y(trace.y[i] - trace.error[i]), Y(trace.y[i] + trace.error[i])];
        add(group, "path", { class: "error", stroke: trace.colour, d: `M${point[0]} ${a}V${b}M${point[0] - 4} ${a}h8M${point[0] - 4} ${b}h8` });
      }
      const size = Array.isArray(trace.size) ? trace.size[i] : trace.size || 7;
      if (trace.mode.includes("markers")) {
        const mark = dot(group, point[0], point[1], size, colourOf(trace, i), trace.symbol);
        if (trace.opacities) mark.setAttribute("opacity", trace.opacities[i]);
      }
      if (trace.hover !== false) points.push({ trace, i, x: point[0], y: point[1] });
    });
  }
  for (const note of layout.annotations || []) {
    const end = note.xanchor === "right" ? "end" : note.xanchor === "left" ? "start" : "middle";
    const at = { x: X(note.x) + (note.xshift || 0), y: Y(note.y) + (note.yanchor === "bottom" ? -4 : 4) };
    add(svg, "text", { class: "note", "text-anchor": end, ...at }, note.text);
  }
  if (scale) colourBar(svg, scale, width - right + 24, top, h, count);
  interact(place, svg, figure, state, count, { left, top, w, h, width, x, y, points });
};

const dot = (parent, x, y, size, colour, symbol) => {
  const r = size / 2;
  if (symbol === "x") return add(parent, "path", { class: "point", stroke: colour, "stroke-width": 2, d: `M${x - r * 0.7} ${y - r * 0.7}l${r * 1.4} ${r * 1.4}m0 ${-r * 1.4}l${-r * 1.4} ${r * 1.4}` });
  if (symbol === "ring") return add(parent, "circle", { class: "point", cx: x, cy: y, r: r - 0.75, fill: "none", stroke: colour, "stroke-width": 1.5 });
  return add(parent, "circle", { class: "point", cx: x, cy: y, r, fill: colour });
};

const colourBar = (svg, scale, left, top, h, count) => {
  const gradient = add(add(svg, "defs"), "linearGradient", { id: `scale-${count}`, x1: 0, y1: 1, x2: 0, y2: 0 });
  for (let i = 0; i <= 10; i++) add(gradient, "stop", { offset: i / 10, "stop-color": between(scale.stops, scale.reversed ? 1 - i / 10 : i / 10) });
  add(svg, "rect", { x: left, y: top, width: 9, height: h, fill: `url(#scale-${count})` });
  const axis = makeAxis({ whole: scale.whole }, [], [scale.low, scale.high], 4);
  for (const [v, text] of axis.ticks) add(svg, "text", { class: "tick", x: left + 13, y: top + h * (1 - axis.at(v)) + 4 }, text);
  add(svg, "text", { class: "ytitle", "text-anchor": "middle", transform: `translate(${left - 5} ${top + h / 2}) rotate(-90)` }, scale.title);
};

// Pointing at the plot shows what is there; dragging zooms, a double click shows all.
const interact = (place, svg, figure, state, count, plot) => {
  const { left, top, w, h, width, x, y, points } = plot;
  const unified = figure.layout.hovermode === "x";
  const line = add(svg, "path", { class: "cursor" });
  const box = add(svg, "rect", { class: "zoom" });
  const label = place.appendChild(document.createElement("div"));
  label.className = "hovering";
  const where = (event) => {
    const r = svg.getBoundingClientRect(), k = width / r.width;
    return [(event.clientX - r.left) * k, (event.clientY - r.top) * k];
  };
  const hide = () => { label.style.display = "none"; line.removeAttribute("d"); };
  const show = (text, at, up) => {
    label.textContent = text;
    label.style.display = "block";
    const k = svg.getBoundingClientRect().width / width, own = label.offsetWidth;
    const beside = at * k + 14 + own > place.clientWidth ? at * k - 14 - own : at * k + 14;
    label.style.left = `${Math.max(0, Math.min(place.clientWidth - own, beside))}px`;
    label.style.top = `${svg.getBoundingClientRect().top - place.getBoundingClientRect().top + up * k + 12}px`;
  };
  const hover = (event) => {
    const [px, py] = where(event);
    if (px < left - 8 || px > left + w + 8 || py < top - 8 || py > top + h + 8) return hide();
    if (unified) {
      const seen = points.filter((p) => p.x >= left - 1 && p.x <= left + w + 1);
      if (!seen.length) return hide();
      const nearest = seen.reduce((a, b) => (Math.abs(b.x - px) < Math.abs(a.x - px) ? b : a));
      const same = [...new Map(seen.filter((p) => Math.abs(p.x - nearest.x) < 0.5).map((p) => [p.trace, p])).values()];
      line.setAttribute("d", `M${nearest.x} ${top}V${top + h}`);
      const values = same.map((p) => `${p.trace.name}  ${digits(p.trace.y[p.i])}`);
      return show([nearest.trace.text[nearest.i], ...values].join("\n"), nearest.x, Math.min(...same.map((p) => p.y)));
    }
    const far = (p) => (p.box ? (px >= p.box.x && px <= p.box.x + p.box.width && (figure.layout.hovermode === "band" || (py >= p.box.y && py <= p.box.y + p.box.height)) ? 0 : 1e9) : Math.hypot(p.x - px, p.y - py));
    const nearest = points.reduce((a, b) => (a && far(a) <= far(b) ? a : b), null);
    if (!nearest || far(nearest) > 40) return hide();
    show(nearest.trace.text[nearest.i], nearest.x, nearest.y);
  };
  let from = null;
  const free = !figure.layout.xaxis.fixedrange;
  svg.addEventListener("pointerdown", (event) => {
    hover(event);
    if (free && event.pointerType === "mouse" && event.button === 0) { from = where(event); svg.setPointerCapture(event.pointerId); event.preventDefault(); }
  });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return hover(event);
    hide();
    const [px, py] = where(event);
    const to = [Math.min(left + w, Math.max(left, px)), Math.min(top + h, Math.max(top, py))];
    const size = to.map((v, i) => Math.abs(v - from[i]));
    Object.entries({ x: Math.min(to[0], from[0]), y: Math.min(to[1], from[1]), width: size[0], height: size[1] }).forEach(([k, v]) => box.setAttribute(k, v));
  });
  svg.addEventListener("pointerup", () => {
    const [bx, by, bw, bh] = ["x", "y", "width", "height"].map((k) => Number(box.getAttribute(k)));
    from = null;
    ["width", "height"].forEach((k) => box.setAttribute(k, 0));
    if (bw < 8 || bh < 8) return;
    const part = (axis, a, b) => [a, b].map((s) => axis.range[0] + s * (axis.range[1] - axis.range[0]));
    state.x = part(x, (bx - left) / w, (bx + bw - left) / w);
    if (!y.category) state.y = part(y, 1 - (by + bh - top) / h, 1 - (by - top) / h);
    draw(place, figure, state, count);
  });
  svg.addEventListener("pointerleave", () => { if (!from) hide(); });
  svg.addEventListener("dblclick", () => {
    const zoomed = state.x || state.y;
    Object.assign(state, { x: null, y: null, all: !zoomed && !state.all });
    draw(place, figure, state, count);
  });
};

{
  const figures = JSON.parse(document.getElementById("figures").textContent);
  [...document.querySelectorAll(".plot")].forEach((place, count) => {
    const state = {};
    let width = 0;
    new ResizeObserver(() => {
      if (place.clientWidth !== width) draw(place, figures[count], state, count);
      width = place.clientWidth;
    }).observe(place);
    width = place.clientWidth;
    draw(place, figures[count], state, count);
  });
}
