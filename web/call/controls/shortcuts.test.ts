import { expect, test } from "vitest";
import { commandFor, SHORTCUTS } from "./shortcuts";

const press = (key: string, more: object = {}) =>
  commandFor({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, isComposing: false, ...more });

test("one key, one command", () => {
  expect(new Set(SHORTCUTS.map(({ key }) => key)).size).toBe(SHORTCUTS.length);
  expect(press("m")).toBe("microphone");
  expect(press("M")).toBe("microphone");
  expect(press("?")).toBe("help");
  expect(press("x")).toBe(null);
});

test("the browser's own shortcuts stay the browser's", () => {
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) expect(press("m", { [modifier]: true })).toBe(null);
  expect(press("m", { repeat: true })).toBe(null);
  expect(press("m", { isComposing: true })).toBe(null);
});
