// What a conditional model is told of all that is decoded: a class, or numbers by name.
"use strict";
import { element } from "./elements.js";

export class Told {
  constructor(place, facts, changed) {
    this.kinds = facts.told;
    this.fields = this.kinds.map(({ name, classes }) => {
      const field = element(classes ? "select" : "input", classes ? {} : { type: "number", step: "any", value: 0 });
      for (let i = 0; i < classes; i++) field.append(element("option", { value: i, textContent: i }));
      field.addEventListener("change", () => { if (field.value !== "") changed(); });
      const label = element("label", { textContent: `${name} ` });
      label.append(field);
      place.append(label);
      return field;
    });
    place.hidden = !this.kinds.length;
  }

  now() {
    return this.fields.map((field) => Number(field.value));
  }

  text() {
    return this.kinds.map(({ name }, k) => `${name} ${this.now()[k]}`).join(", ");
  }

  // Returns whether anything has changed.
  set(values) {
    const before = this.text();
    this.fields.forEach((field, k) => { field.value = values[k]; });
    return this.text() !== before;
  }
}
