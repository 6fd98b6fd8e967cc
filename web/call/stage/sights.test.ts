import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Sight } from "../../sdk";
import { Sights } from "./sights";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const face = (id: string, height = 180): Sight => ({ id, source: "camera", height });
const screen: Sight = { id: "s", source: "screen", height: 900 };

function watched() {
  const said: (readonly Sight[])[] = [];
  return { said, sights: new Sights((sights) => said.push(sights)) };
}

test("what changes is said at once; of a movement through many sizes the beginning and the end", () => {
  const { said, sights } = watched();
  for (let height = 100; height < 200; height += 10) {
    sights.show([face("a", height)]);
    vi.advanceTimersByTime(10);
  }
  expect(said).toEqual([[face("a", 100)]]);
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([[face("a", 100)], [face("a", 190)]]);
  sights.show([face("b")]);
  vi.advanceTimersByTime(1);
  expect(said.at(-1)).toEqual([face("b")]);
});

test("what goes on for long is not waited for", () => {
  const { said, sights } = watched();
  for (let step = 0; step < 40; step += 1) {
    sights.show([face("a", 100 + step)]);
    vi.advanceTimersByTime(50);
  }
  expect(said.length).toBeGreaterThan(5);
  expect(said.length).toBeLessThan(20);
});

test("the same is not said again", () => {
  const { said, sights } = watched();
  sights.show([face("a")]);
  vi.advanceTimersByTime(1000);
  sights.show([face("a")]);
  vi.advanceTimersByTime(1000);
  expect(said).toHaveLength(1);
});

test("who looks away for a moment misses nothing; after a while only screens are wanted, and at once everything on coming back", () => {
  const { said, sights } = watched();
  sights.show([screen, face("a")]);
  vi.advanceTimersByTime(1000);
  sights.hide(true);
  vi.advanceTimersByTime(2000);
  sights.hide(false);
  vi.advanceTimersByTime(60_000);
  expect(said).toHaveLength(1);
  sights.hide(true);
  vi.advanceTimersByTime(60_000);
  expect(said.at(-1)).toEqual([screen]);
  sights.hide(false);
  expect(said.at(-1)).toEqual([screen, face("a")]);
});

test("nothing is said after the stage is gone", () => {
  const { said, sights } = watched();
  sights.show([face("a")]);
  sights.hide(true);
  sights.close();
  vi.advanceTimersByTime(60_000);
  expect(said).toEqual([]);
});
