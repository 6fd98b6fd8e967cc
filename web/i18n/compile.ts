// A build step: turns a Fluent catalogue into a module of strings and small functions, so that neither the parser nor the
// resolver is shipped (a tenth of the call page's budget). Runs in Node, never in the page. Supported is what the catalogues use:
// variables, literals and selections by number or by word; anything else stops the build.
import { FluentResource } from "@fluent/bundle";
import type { Plugin } from "vite";

type Entry = FluentResource["body"][number];
type Pattern = NonNullable<Entry["value"]>;
type Part = Exclude<Pattern, string>[number];
type Expression = Exclude<Part, string>;

/** `import messages from "./en/call.ftl?compiled&raw"` gives what `compile` makes of the file. */
export function fluent(): Plugin {
  return {
    name: "fluent-compile",
    enforce: "post",
    transform(code, id) {
      if (!id.endsWith(".ftl?compiled&raw")) return null;
      return { code: compile(JSON.parse(code.slice(code.indexOf('"'), code.lastIndexOf('"') + 1)) as string), map: null };
    },
  };
}

/** The source of a module whose default export is a `Catalogue`. */
export function compile(source: string): string {
  const written = new Set(source.match(/^-?[a-zA-Z][\w-]*(?= *=)/gm));
  const entries = new FluentResource(source).body;
  const broken = [...written].filter((id) => !entries.some((entry) => entry.id === id));
  if (broken.length > 0) throw new SyntaxError(`not understood in the catalogue: ${broken.join(", ")}`);
  return `export default {${entries.map((entry) => `${JSON.stringify(entry.id)}:${message(entry)}`).join(",\n")}};`;
}

function message({ id, value }: Entry): string {
  if (value === null || value === undefined) throw new SyntaxError(`${id} has no text`);
  return typeof value === "string" ? JSON.stringify(value) : `(a,f)=>${pattern(value)}`;
}

function pattern(value: Pattern): string {
  if (typeof value === "string") return JSON.stringify(value);
  // The empty string first, so that two numbers are joined and not added.
  return ['""', ...value.map((part) => (typeof part === "string" ? JSON.stringify(part) : expression(part)))].join("+");
}

function expression(part: Expression): string {
  switch (part.type) {
    case "str":
      return JSON.stringify(part.value);
    case "num":
      return `f.show(${part.value})`;
    case "var":
      return `f.show(a.${part.name})`;
    case "select": {
      if (part.selector.type !== "var") throw new SyntaxError("a selection is made by a variable");
      const variants = part.variants.map(({ key, value }) => `${JSON.stringify(String(key.value))}:${pattern(value)}`);
      return `f.choose(a.${part.selector.name},{${variants.join(",")}},${JSON.stringify(String(part.variants[part.star]?.key.value))})`;
    }
    default:
      throw new SyntaxError(`${part.type} is not supported in a catalogue`);
  }
}
