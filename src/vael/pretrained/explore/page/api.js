// What the page asks of the server, and how often.
"use strict";

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw new Error("The server does not answer: has vael explore ended?");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Error(said.error || `The server answered ${response.status}.`);
}

const post = (path, body) => answer(path, { method: "POST", body: JSON.stringify(body) });
const json = async (response) => (await response).json();
const bytes = async (response) => (await response).arrayBuffer();

export const model = () => json(answer("api/model"));
export const plane = (axes) => json(answer(`api/plane?axes=${axes ? axes.join(",") : "pca"}`));
export const example = (i) => json(answer(`api/examples/${i}`));
export const original = (i) => bytes(answer(`api/examples/${i}/original`));
export const decode = (z, told) => bytes(post("api/decode", { z, told }));
export const sample = (count, temperature, seed, told) => json(post("api/sample", { count, temperature, seed, told }));
export const codes = (z, place) => json(post("api/codes", { z: [z], place }));
export const path = (a, b, steps, kind) => json(post("api/path", { ends: [a, b], steps, kind }));
export const encode = (file, invert, told) => json(answer(`api/encode?invert=${invert}&told=${JSON.stringify(told)}`, { method: "POST", body: file }));

// One request at a time, and of those that came meanwhile only the latest: a slider that is
// dragged asks more often than any model answers.
export function latest(work, failed) {
  let busy = false, next = null;
  return async (...wanted) => {
    next = wanted;
    if (busy) return;
    busy = true;
    while (next) {
      const now = next;
      next = null;
      try { await work(...now); } catch (error) { failed(error); }
    }
    busy = false;
  };
}
