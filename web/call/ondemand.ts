// A build step: what is loaded on demand brings its style sheet, and waits for it, so that nothing is ever seen without its look.
// Vite's own helper does that too, and much else that this page has no use for (a seventieth of the page's script). Runs in Node.
import type { Plugin } from "vite";

/** `sheets` are the addresses that Vite writes in: relative to the site, as `base` is "/". One that does not come is done without. */
const helper = `
const asked = {};
const sheet = (file) => asked[file] ??= new Promise((done) => {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = "/" + file;
  link.onload = link.onerror = done;
  document.head.append(link);
});
export const __vitePreload = (load, sheets) => sheets ? Promise.all(sheets.map(sheet)).then(load) : load();
`;

export function onDemand(): Plugin {
  return {
    name: "ondemand",
    apply: "build",
    enforce: "pre",
    load: (id) => (id === "\0vite/preload-helper.js" ? helper : null),
  };
}
