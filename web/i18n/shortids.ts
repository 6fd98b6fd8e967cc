// A build step: the ids of sentences are for people who read the code; what is shipped has short ones (a sixtieth of the page's
// script). Only ids with a hyphen are changed, wherever they stand as a whole string: a single word may mean something else.
// Runs in Node, never in the page.
import { readFile } from "node:fs/promises";
import type { Plugin } from "vite";

/** `catalogue`: the path of the Fluent file. `within`: the modules that name its ids. */
export function shortIds(catalogue: string, within: RegExp): Plugin {
  let shorten = (code: string) => code;
  return {
    name: "shortids",
    apply: "build",
    enforce: "post",
    async buildStart() {
      shorten = shortener(await readFile(catalogue, "utf8"));
    },
    transform: (code, id) => (within.test(id) ? { code: shorten(code), map: null } : null),
  };
}

/** Replaces each quoted id of this catalogue by "$" and its number. */
export function shortener(source: string): (code: string) => string {
  const ids = [...source.matchAll(/^([a-z]\w*-[\w-]*) *=/gm)].map(([, id = ""]) => id);
  const short = new Map(ids.map((id, index) => [id, `$${index.toString(36)}`]));
  return (code) =>
    code.replace(/(["'`])([a-z]\w*-[\w-]*)\1/g, (quoted, quote: string, id: string) => {
      const shorter = short.get(id);
      return shorter === undefined ? quoted : quote + shorter + quote;
    });
}
