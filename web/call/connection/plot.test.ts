import { expect, test } from "vitest";
import { gaps, lines, READINGS, top } from "./plot";

const box = { width: 118, height: 40 };

test("the scale ends at a round number that holds everything", () => {
  expect(top([])).toBe(200);
  expect(top([3])).toBe(200);
  expect(top([200])).toBe(200);
  expect(top([201])).toBe(500);
  expect(top([640, 900])).toBe(1000);
  expect(top([1001])).toBe(2000);
  expect(top([7300])).toBe(10_000);
});

test("the newest reading is at the right edge, the top of the scale at the top", () => {
  expect(lines([0, 500, 1000], 1000, box)).toEqual(["114,40 116,20 118,0"]);
});

test("two minutes fill the width, and older readings fall out", () => {
  const [points = ""] = lines(Array<number>(READINGS + 10).fill(0), 1000, box);
  const list = points.split(" ");
  expect(list).toHaveLength(READINGS);
  expect(list[0]).toBe("0,40");
  expect(list.at(-1)).toBe("118,40");
});

test("a gap breaks the line, and a lone reading is a dot", () => {
  expect(lines([null, 1000, null, 0, 0, null], 1000, box)).toEqual(["110,0 110,0", "114,40 116,40"]);
  expect(lines([], 1000, box)).toEqual([]);
  expect(lines([null], 1000, box)).toEqual([]);
});

test("what exceeds the scale stays in the picture", () => {
  expect(lines([5000], 1000, box)).toEqual(["118,0 118,0"]);
});

test("an interruption is counted once, however long; before the first reading there was none", () => {
  expect(gaps([])).toBe(0);
  expect(gaps([null, null])).toBe(0);
  expect(gaps([null, 1, 2])).toBe(0);
  expect(gaps([1, null, null, 2, null])).toBe(2);
});
