import { expect, test } from "vitest";
import { pathData } from "./lucide";

test("every kind of shape becomes path data", () => {
  expect(pathData('<svg><path d="m3 3 2 2" /></svg>')).toBe("M0 0m3 3 2 2");
  expect(pathData('<svg><circle cx="12" cy="12" r="3" /></svg>')).toBe("M9 12a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z");
  expect(pathData('<svg><line x1="1" y1="2" x2="3" y2="4" /></svg>')).toBe("M1 2L3 4");
  expect(pathData('<svg><rect width="4" height="6" x="1" y="2" /></svg>')).toBe("M1 2h4v6h-4v-6z");
  expect(pathData('<svg><polyline points="1 2 3 4" /></svg>')).toBe("M1 2 3 4");
});

test("the build step gives path data, not an SVG", async () => {
  const { icons } = await import("./icons");
  for (const [name, d] of Object.entries(icons)) expect(d, name).toMatch(/^M[-\d. a-zA-Z,]+$/);
});
