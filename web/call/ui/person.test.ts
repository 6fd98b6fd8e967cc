import { expect, test } from "vitest";
import { hue, initials } from "./person";

test("initials are whole graphemes of the first and the last word", () => {
  expect(initials("Chloé Martin")).toBe("CM");
  expect(initials("  ben ")).toBe("B");
  expect(initials("Ana Maria de Souza")).toBe("AS");
  expect(initials("👩‍🚀 Kim")).toBe("👩‍🚀K");
  expect(initials("(Ben) Okafor")).toBe("BO");
  expect(initials("李 小龍")).toBe("李小");
  expect(initials("…")).toBe("");
});

test("a hue is warm and stays the same", () => {
  for (const name of ["Ann", "Ben", "Chloé", "Dmitri", "Eve", "李"]) {
    expect(hue(name)).toBe(hue(name));
    expect(hue(name) >= 355 || hue(name) <= 80).toBe(true);
  }
  expect(new Set(["Ann", "Ben", "Chloé", "Dmitri"].map(hue)).size).toBeGreaterThan(1);
});
