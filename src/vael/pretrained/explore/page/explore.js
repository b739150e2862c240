// The page: one latent z, which the sliders, the map, the path and the samples all move.
"use strict";
import * as api from "./api.js";
import { Painter } from "./draw.js";
import { element, number } from "./elements.js";
import { LatentMap } from "./map.js";
import { Places } from "./places.js";
import { Sliders } from "./sliders.js";
import { Told } from "./told.js";

const STEPS = 41, SHOWN = 5, DRAWN = 20;  // of the path, every fifth is in the strip; samples
const find = (id) => document.getElementById(id);

function failed(error) {
  find("error").textContent = error.message;
  find("error").hidden = false;
}

class Page {
  constructor(facts) {
    this.facts = facts;
    this.painter = new Painter(facts);
    this.times = [];
    this.seed = 0;
    this.ends = {};
    this.told = new Told(find("told"), facts, () => this.retell());
    this.decode = api.latest(async (z, since) => {
      this.painter.show(find("decoded"), await api.decode([z], this.told.now()));
      find("error").hidden = true;
      if (since !== null) this.time(performance.now() - since);
    }, failed);
    this.sliders = new Sliders(find("sliders"), find("more"), facts, (dim, value) => {
      const z = [...this.z];
      z[dim] = value;
      this.go(z, `${facts.dims.find((of) => of.dim === dim).name} moved by hand`, true);
    });
    this.place = facts.codes ? this.middle(facts.layout) : null;
    this.places = facts.layout && new Places(find("places"), facts, (at) => this.pick(at));
    this.look = api.latest(async (z) => {
      const { codes, options } = await api.codes(z, this.place);
      this.places.paint(codes, this.place);
      find("choices-said").textContent = `${this.places.name(this.place)}: code ${codes[this.place]}. The codes that most examples have there:`;
      this.tiles(find("choices"), this.painter.split(await api.decode(options.map((of) => of.z), this.told.now())), (i) => {
        this.leave();
        this.go(options[i].z, `code ${options[i].code} at ${this.places.name(this.place)}`, true);
      }, (i) => `code ${options[i].code}, of ${(100 * options[i].share).toFixed(0)} % of the examples`);
      [...find("choices").children].forEach((tile, i) => {
        tile.title = tile.getAttribute("aria-label");
        tile.classList.toggle("here", options[i].code === codes[this.place]);
      });
    }, failed);
    this.describe();
    this.map = new LatentMap(facts, this.painter, {
      chosen: (i) => this.example(i), moved: (z) => this.go(z, "a place on the map", true), failed,
    });
    this.way = api.latest(() => this.walk(), failed);
    this.draw = api.latest(() => this.samples(), failed);
    this.listen();
  }

  describe() {
    const { facts } = this, { layout } = facts, active = facts.dims.filter((of) => of.active).length;
    const rate = facts.dims.reduce((sum, of) => sum + of.kl, 0), known = facts.dims[0].kl !== null;
    document.title = `${facts.title} \u00b7 vael explore`;
    find("title").textContent = facts.title;
    find("facts").textContent = [
      facts.name,
      facts.codes ? `${layout.layers * layout.rows * layout.columns} codes of ${facts.codes.size.toLocaleString("en")}`
        : `${facts.dims.length} latent dimensions, ${active} active`, known ? `KL ${number(rate, 1)} nats in all` : "",
      facts.likelihood, `${facts.count.toLocaleString("en")} ${facts.splitName} examples`, facts.checkpoint,
    ].filter(Boolean).join(" \u00b7 ");
    find("runs").hidden = !facts.name;
    find("note").textContent = facts.note;
    find("note").hidden = !facts.note;
    find("latents-said").textContent = (known
      ? "By their mean KL(q(z|x) || p(z)), what each says about x." : "By the variance of their posterior mean.")
      + " Behind each slider: the posterior means of the examples; activity is their variance. A slider reaches the examples, and"
      + " the prior's quantiles 0.1 % and 99.9 %.";
    if (layout && !facts.codes) find("latents-said").textContent += " The maps show the numbers of z in their places: violet below 0, orange above. Click one for its slider.";
    if (facts.codes) {
      find("latents-title").textContent = "Codes";
      find("latents-said").textContent = "Each place holds a code, in a colour of its own. Click a place, then another code for it.";
      find("samples-said").textContent = "Means of p(x|c) for codes c drawn from the prior. Click one to go there.";
      find("way-said").textContent = "Straight between the vectors that the codes stand for; each step is decoded from the nearest codes.";
      for (const id of ["sliders", "more", "temperature-row"]) find(id).hidden = true;
    }
    find("number").max = facts.count - 1;
    find("upload").hidden = facts.columns.length > 0;
  }

  listen() {
    const click = (id, act) => find(id).addEventListener("click", () => Promise.resolve(act()).catch(failed));
    click("reset", () => this.reset());
    click("random", async () => {
      const drawn = await api.sample(1, Number(find("temperature").value), this.fresh(), this.told.now());
      this.leave();
      this.go(drawn.z[0], "a draw from the prior");
    });
    click("use-a", () => this.end("A"));
    click("use-b", () => this.end("B"));
    click("any", () => this.example(Math.floor(Math.random() * this.facts.count)));
    click("draw", () => { this.seed = this.fresh(); return this.draw(); });
    find("number").addEventListener("change", () => {
      const i = Math.max(0, Math.min(this.facts.count - 1, Math.round(Number(find("number").value)) || 0));
      this.example(i).catch(failed);
    });
    document.querySelectorAll("[name=kind]").forEach((radio) => radio.addEventListener("change", () => this.way()));
    find("t").addEventListener("input", () => this.along(Number(find("t").value)));
    find("temperature").addEventListener("input", () => {
      find("temperature-said").textContent = Number(find("temperature").value).toFixed(2);
      this.draw();
    });
    find("file").addEventListener("change", () => { this.upload(find("file").files[0]); find("file").value = ""; });
    find("invert").addEventListener("change", () => this.upload(this.file));
    const drop = find("upload");
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
        if (kind === "drop") this.upload(event.dataTransfer.files[0]);
      });
    }
  }

  fresh() {
    return crypto.getRandomValues(new Uint32Array(1))[0];
  }

  go(z, what, timed = false) {
    this.z = z;
    this.what = what;
    this.sliders.set(z);
    this.map.set(z);
    if (this.facts.codes) this.look(z);
    else this.places?.paint(z, this.place);
    find("what").textContent = what;
    return this.decode(z, timed ? performance.now() : null);
  }

  middle({ layers, rows, columns }) {
    return ((rows >> 1) * columns + (columns >> 1)) * layers;
  }

  // A place of a map: its slider, or the codes that it may have.
  pick(at) {
    this.place = at;
    if (this.facts.codes) return this.look(this.z);
    this.places.paint(this.z, at);
    this.sliders.raise(at);
  }

  time(milliseconds) {
    this.times = [...this.times.slice(-19), milliseconds];
    const sorted = [...this.times].sort((a, b) => a - b);
    find("speed").value = `(${sorted[sorted.length >> 1].toFixed(0)} ms a frame)`;
  }

  async reset() {
    this.leave();
    const z = this.facts.told.length ? (await api.sample(1, 0, 0, this.told.now())).z[0] : [...this.facts.centre];
    return this.go(z, "the mean of the prior");
  }

  // The same latent, the same way and the same noise, told otherwise.
  retell() {
    this.leave();
    this.go(this.z, `${this.what.split(", told ")[0]}, told ${this.told.text()}`);
    this.way();
    this.draw();
  }

  // What is shown beside the decoded image stays while one moves away from it.
  beside(frame, text) {
    this.painter.paint(find("original"), frame);
    find("beside-what").textContent = text + this.painter.missing(frame);
    find("beside").hidden = false;
  }

  leave() {
    find("beside").hidden = true;
  }

  name(i) {
    const of = this.map.describe(i);
    return `${this.facts.splitName} example ${i}${of ? `, ${of}` : ""}`;
  }

  async example(i) {
    const [{ z, told }, frame] = await Promise.all([api.example(i), api.original(i)]);
    find("number").value = i;
    if (this.told.set(told)) Promise.all([this.way(), this.draw()]).catch(failed);
    this.beside(frame, `original #${i}`);
    await this.go(z, this.name(i));
  }

  async upload(file) {
    if (!file) return;
    const said = find("upload-said"), most = this.facts.limits.upload;
    this.file = file;
    try {
      if (file.size > most) throw new Error(`a picture must have at most ${most / 2 ** 20} MiB, but this one has ${(file.size / 2 ** 20).toFixed(1)}.`);
      const { z, frame, note } = await api.encode(file, find("invert").checked, this.told.now());
      const raw = Uint8Array.from(atob(frame), (letter) => letter.charCodeAt(0));
      this.beside(raw.buffer, "as the model sees it");
      said.classList.remove("wrong");
      said.textContent = `${file.name}${note ? `: ${note}` : ""}`;
      await this.go(z, "the encoded picture");
    } catch (error) {
      said.classList.add("wrong");
      said.textContent = `${file.name}: ${error.message}`;
    }
  }

  end(name) {
    this.ends[name] = { z: [...this.z], what: this.what };
    return this.way();
  }

  async walk() {
    const { A, B } = this.ends;
    if (!A || !B) return;
    const kind = document.querySelector("[name=kind]:checked").value;
    this.path = (await api.path(A.z, B.z, STEPS, kind)).z;
    const shown = this.path.filter((_, i) => i % SHOWN === 0);
    this.tiles(find("strip"), this.painter.split(await api.decode(shown, this.told.now())), (i) => this.along(i * SHOWN), (i) => `${Math.round(100 * i * SHOWN / (STEPS - 1))} % of the way`);
    find("ends").textContent = `A: ${A.what} \u2192 B: ${B.what}`;
  }

  along(i) {
    if (!this.path) return;
    find("t").value = i;
    find("strip").querySelectorAll("button").forEach((tile, k) => tile.classList.toggle("here", k === Math.round(i / SHOWN)));
    this.leave();
    this.go(this.path[i], `${Math.round(100 * i / (STEPS - 1))} % of the way from A to B`, true);
  }

  async samples() {
    const told = this.told.now();
    const { z } = await api.sample(DRAWN, Number(find("temperature").value), this.seed, told);
    this.tiles(find("drawn"), this.painter.split(await api.decode(z, told)), (i) => {
      this.leave();
      this.go(z[i], "a draw from the prior");
    }, (i) => `sample ${i + 1}`);
  }

  tiles(place, frames, chosen, named) {
    frames.forEach((frame, i) => {
      const made = i < place.children.length;
      const tile = made ? place.children[i] : element("button", { className: "frame" });
      tile.setAttribute("aria-label", named(i));
      tile.onclick = () => chosen(i);
      if (!made) place.append(tile);
      this.painter.paint(tile, frame);
    });
    while (place.children.length > frames.length) place.lastChild.remove();
  }

  async start() {
    this.told.set((await api.example(0)).told);
    const labels = this.facts.colourings[0]?.values, other = labels ? labels.findIndex((label) => label !== labels[0]) : 1;
    for (const [name, i] of [["B", Math.max(1, other)], ["A", 0]]) {
      this.ends[name] = { z: (await api.example(i)).z, what: this.name(i) };
    }
    await Promise.all([this.example(0), this.way(), this.draw()]);
    document.body.dataset.ready = "";
  }
}

api.model().then((facts) => new Page(facts).start()).catch(failed);
