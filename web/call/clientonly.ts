// A build step: the call page is only ever drawn in the browser, never taken over from markup that a server rendered. Svelte's
// module for the latter is replaced by one that says so, and everything that asks it falls away (a twentieth of the page's script).
// A release of Svelte that asks for a name missing here stops the build. Runs in Node, never in the page.
import type { Plugin } from "vite";

const never = `
export const hydrating = false, hydrate_node = null;
/* @__NO_SIDE_EFFECTS__ */ export function set_hydrating() {}
/* @__NO_SIDE_EFFECTS__ */ export function set_hydrate_node(node) { return node; }
/* @__NO_SIDE_EFFECTS__ */ export function hydrate_next() {}
/* @__NO_SIDE_EFFECTS__ */ export function hydrate_template() {}
/* @__NO_SIDE_EFFECTS__ */ export function reset() {}
/* @__NO_SIDE_EFFECTS__ */ export function next() {}
/* @__NO_SIDE_EFFECTS__ */ export function skip_nodes() {}
/* @__NO_SIDE_EFFECTS__ */ export function read_hydration_instruction() {}
`;

export function clientOnly(): Plugin {
  return {
    name: "clientonly",
    apply: "build",
    load: (id) => (/svelte\/src\/internal\/client\/dom\/hydration\.js$/.test(id) ? never : null),
  };
}
