import { expect, test } from "vitest";
import type { LinkSample } from "../../sdk";
import { sum } from "./sum";

const sample = (kbitsIn: number, via = true): LinkSample => ({
  at: 0,
  quality: "good",
  kbitsIn,
  kbitsOut: 700,
  rtt: 20,
  loss: 0,
  jitter: 1,
  path: "direct",
  transport: "udp",
  ...(via && { via: "server" }),
});

test("what comes from each is added up; what we send to the server is sent once", () => {
  const history = sum([
    [sample(1), sample(2), sample(3)],
    [sample(10), sample(20)],
  ]);
  expect(history.map(({ kbitsIn }) => kbitsIn)).toEqual([1, 12, 23]);
  expect(history.every(({ kbitsOut }) => kbitsOut === 700)).toBe(true);
});

test("who has a way of their own does not count", () => {
  expect(sum([[sample(5)], [sample(100, false)], []]).map(({ kbitsIn }) => kbitsIn)).toEqual([5]);
  expect(sum([[sample(100, false)]])).toEqual([]);
});
