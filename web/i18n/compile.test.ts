import { expect, test } from "vitest";
import { compile } from "./compile";

test("text stays text, and what has variables becomes a function", () => {
  expect(compile('a = Plain "text"')).toBe('export default {"a":"Plain \\"text\\""};');
  expect(compile("a = Hello { $name }")).toBe('export default {"a":(a,f)=>""+"Hello "+f.show(a.name)};');
});

test("what is not understood stops the build instead of vanishing from the page", () => {
  expect(() => compile("good = yes\nbad = { $name")).toThrow(/bad/);
  expect(() => compile("a = { NUMBER($n) }")).toThrow(/not supported/);
  expect(() => compile("a = { b }\nb = B")).toThrow(/not supported/);
});
