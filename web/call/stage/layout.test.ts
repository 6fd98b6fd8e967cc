import { describe, expect, test } from "vitest";
import { arrange, capacity, inCorner, layout, nearestCorner, neighbour, place, withPager, type Rect } from "./layout";

const SIZES = [
  [320, 420],
  [336, 560],
  [390, 640],
  [740, 256],
  [908, 664],
  [1256, 664],
  [1256, 900],
  [2536, 1300],
  [3816, 2020],
  [600, 600],
] as const;
const CAMERA = { min: 4 / 3, max: 16 / 9 };

function overlap(a: Rect, b: Rect): boolean {
  const slack = 0.01;
  return a.x + a.width > b.x + slack && b.x + b.width > a.x + slack && a.y + a.height > b.y + slack && b.y + b.height > a.y + slack;
}

function inside(rect: Rect, width: number, height: number): boolean {
  const slack = 0.01;
  return rect.x >= -slack && rect.y >= -slack && rect.x + rect.width <= width + slack && rect.y + rect.height <= height + slack;
}

describe("layout", () => {
  test.each(SIZES)("no other grid gives larger tiles at %i x %i", (width, height) => {
    for (let n = 1; n <= 8; n += 1) {
      const best = layout(n, width, height, 8, CAMERA);
      expect(best.columns * best.rows).toBeGreaterThanOrEqual(n);
      for (let columns = 1; columns <= n; columns += 1) {
        const rows = Math.ceil(n / columns);
        // By search instead of by formula: the widest tile of each shape that still fits.
        for (let shape = CAMERA.min; shape <= CAMERA.max; shape += 0.02) {
          const tile = Math.min((width - 8 * (columns - 1)) / columns, ((height - 8 * (rows - 1)) / rows) * shape);
          expect((tile * tile) / shape).toBeLessThanOrEqual(best.width * best.height + 1);
        }
      }
    }
  });

  test("the grids that people expect on a laptop", () => {
    const grid = (n: number) => layout(n, 1256, 664, 8, CAMERA);
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `${grid(n).columns}x${grid(n).rows}`)).toEqual([
      "1x1",
      "2x1",
      "2x2",
      "2x2",
      "3x2",
      "3x2",
      "3x3",
      "3x3",
    ]);
  });

  test("no room gives no tiles instead of nonsense", () => {
    expect(layout(3, 0, 0, 8, CAMERA)).toMatchObject({ width: 0, height: 0 });
    for (const rect of place(8, { x: 0, y: 0, width: 10, height: 10 }, 8, CAMERA)) {
      expect(rect.width).toBeGreaterThanOrEqual(0);
      expect(rect.height).toBeGreaterThanOrEqual(0);
    }
  });
});

describe("arrange", () => {
  test.each(SIZES)("tiles stay on a stage of %i x %i and off each other", (width, height) => {
    for (let people = 1; people <= 8; people += 1) {
      for (let screens = 0; screens <= 2; screens += 1) {
        const { people: tiles, large, floating } = arrange({ width, height, gap: 8, people, large: screens });
        expect(tiles).toHaveLength(people);
        expect(large).toHaveLength(screens);
        const all = [...large, ...(floating ? tiles.slice(0, -1) : tiles)];
        for (const rect of [...all, ...tiles]) expect(inside(rect, width, height)).toBe(true);
        all.forEach((rect, index) => all.slice(index + 1).forEach((other) => expect(overlap(rect, other)).toBe(false)));
      }
    }
  });

  test("on an upright phone the own tile floats and the other person has the whole stage", () => {
    const { people, floating } = arrange({ width: 336, height: 560, gap: 8, people: 2, large: 0 });
    expect(floating).toBe(true);
    expect(people[0]).toMatchObject({ width: 336, height: 560 });
    expect(people[1]?.width).toBeLessThan(336 / 2);
  });

  test("alone, and on a laptop, nothing floats", () => {
    expect(arrange({ width: 336, height: 560, gap: 8, people: 1, large: 0 }).floating).toBe(false);
    expect(arrange({ width: 1256, height: 664, gap: 8, people: 2, large: 0 }).floating).toBe(false);
  });

  test("a shared screen takes most of the stage", () => {
    for (const [width, height] of SIZES) {
      const { large } = arrange({ width, height, gap: 8, people: 5, large: 1 });
      const [screen] = large;
      expect(((screen?.width ?? 0) * (screen?.height ?? 0)) / (width * height)).toBeGreaterThan(0.55);
    }
  });
});

test("a floating tile goes to the corner it was let go in", () => {
  const tile = { x: 0, y: 0, width: 100, height: 150 };
  expect(inCorner(tile, nearestCorner(300, 60, 336, 560), 336, 560, 8)).toMatchObject({ x: 228, y: 8 });
  expect(inCorner(tile, nearestCorner(20, 500, 336, 560), 336, 560, 8)).toMatchObject({ x: 8, y: 402 });
});

describe("pages", () => {
  test.each(SIZES)("a stage of %i x %i holds some, and at most 25", (width, height) => {
    for (const beside of [false, true]) {
      for (const people of [9, 25, 50, 200]) {
        const tiles = capacity(people, width, height, beside);
        expect(tiles).toBeGreaterThanOrEqual(3);
        expect(tiles).toBeLessThanOrEqual(25);
      }
    }
  });

  test.each(SIZES)("up to eight are never out of sight on %i x %i", (width, height) => {
    for (let people = 1; people <= 8; people += 1) {
      expect(capacity(people, width, height, false)).toBe(people);
      expect(capacity(people, width, height, true)).toBe(people);
    }
  });

  test("what people expect: four to eight on a phone, 16 or more on a laptop, 25 on a large screen", () => {
    expect(capacity(50, 296, 470, false)).toBe(6);
    expect(capacity(50, 366, 680, false)).toBe(8);
    expect(capacity(50, 820, 268, false)).toBe(8);
    expect(capacity(50, 908, 664, false)).toBe(16);
    expect(capacity(50, 1256, 664, false)).toBe(20);
    expect(capacity(200, 2160, 1130, false)).toBe(25);
  });

  test("25 people on a laptop need no second page", () => {
    expect(capacity(25, 1256, 664, false)).toBe(25);
    expect(capacity(26, 1256, 664, false)).toBe(20);
  });

  test.each(SIZES)("the tiles of a page keep off what turns the pages on %i x %i", (width, height) => {
    const area = withPager(width, height);
    const people = capacity(100, width, height, false);
    for (const large of [0, 1]) {
      const {
        people: tiles,
        large: screens,
        floating,
      } = arrange({ width: area.width, height: area.height, gap: 8, people, large, paged: true });
      expect(floating).toBe(false);
      for (const rect of [...tiles, ...screens]) expect(inside(rect, area.width, area.height)).toBe(true);
    }
    expect(area.side ? width - area.width : height - area.height).toBe(48);
  });
});

test("the arrow keys go to the tile that lies there", () => {
  const tiles = place(7, { x: 0, y: 0, width: 1256, height: 664 }, 8, CAMERA);
  // 3 x 3, the last one alone in the middle of its row.
  expect(neighbour(tiles, 0, 1, 0)).toBe(1);
  expect(neighbour(tiles, 1, -1, 0)).toBe(0);
  expect(neighbour(tiles, 0, -1, 0)).toBe(-1);
  expect(neighbour(tiles, 1, 0, 1)).toBe(4);
  expect(neighbour(tiles, 4, 0, 1)).toBe(6);
  expect(neighbour(tiles, 6, 0, -1)).toBe(4);
  expect(neighbour(tiles, 6, 0, 1)).toBe(-1);
  expect(neighbour([], 0, 1, 0)).toBe(-1);
});
