// The catalogues and the code agree: no sentence is missing, none is left over.
import { FluentBundle, FluentResource } from "@fluent/bundle";
import { expect, test } from "vitest";
import { t } from ".";
import call from "./en/call.ftl?raw";
import connection from "./en/connection.ftl?raw";

const sources = import.meta.glob<string>(
  ["../call/**/*.{ts,svelte}", "!../call/**/*.test.ts", "!../call/ui/lucide.ts", "!../call/{mock,preview}.ts"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);
const code = Object.values(sources).join("\n");
const idsOf = (catalogue: string) => [...catalogue.matchAll(/^([a-z][a-z0-9-]*) =/gm)].map((match) => match[1] ?? "");
const ids = [...idsOf(call), ...idsOf(connection)];

test("the catalogues are well formed and say nothing twice", () => {
  const bundle = new FluentBundle("en");
  for (const catalogue of [call, connection]) expect(bundle.addResource(new FluentResource(catalogue))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(bundle.hasMessage(id), id).toBe(true);
});

test("what is loaded apart is named only by what is loaded with it", () => {
  const atStart = Object.entries(sources).filter(([path]) => !path.includes("/connection/"));
  expect(atStart.length).toBeGreaterThan(20);
  for (const id of idsOf(connection)) for (const [path, text] of atStart) expect(text.includes(`"${id}"`), `${id} in ${path}`).toBe(false);
});

test("every id that the code names exists", () => {
  const known = new Set(ids);
  const named = [...code.matchAll(/\bt\(\s*(?:[^"()]+\? )?"([a-z0-9-]+)"(?: : "([a-z0-9-]+)")?/g)].flatMap(([, first, second]) => [
    first,
    second,
  ]);
  const listed = [...code.matchAll(/^\s+\w+: "([a-z]+(?:-[a-z]+)+)",$/gm)].map(([, id]) => id);
  const used = [...named, ...listed].filter((id) => id !== undefined);
  expect(used.length).toBeGreaterThan(100);
  for (const id of used) expect(known.has(id), id).toBe(true);
});

test("every sentence is used", () => {
  for (const id of ids) expect(code.includes(`"${id}"`), id).toBe(true);
});

test("arguments are filled in, and a right-to-left name does not turn the sentence", () => {
  expect(t("notice-joined", { name: "Ben" })).toBe("Ben joined");
  expect(t("notice-joined", { name: "דנה" })).toBe("\u2068דנה\u2069 joined");
  expect(t("people-count", { count: 1 })).toBe("1 person");
  expect(t("people-count", { count: 3 })).toBe("3 people");
  expect(t("no-such-id")).toBe("no-such-id");
});
