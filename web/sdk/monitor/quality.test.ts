import { describe, expect, it } from "vitest";
import { seeded } from "../testing/seeded";
import { best, judge, rate, UNTESTED, type Judgement, type Quality } from "./quality";

const fine = { loss: 0, rtt: 40, jitter: 5, freezes: 0 };

describe("one reading", () => {
  it.each<[Partial<Parameters<typeof rate>[0]>, Quality]>([
    [{}, "good"],
    [{ loss: null, rtt: null, jitter: null }, "good"],
    [{ loss: 0.019 }, "good"],
    [{ loss: 0.02 }, "fair"],
    [{ loss: 0.079 }, "fair"],
    [{ loss: 0.08 }, "poor"],
    [{ rtt: 299 }, "good"],
    [{ rtt: 300 }, "fair"],
    [{ rtt: 900 }, "poor"],
    [{ jitter: 60 }, "fair"],
    [{ jitter: 200 }, "poor"],
    [{ freezes: 1 }, "fair"],
    [{ freezes: 2 }, "poor"],
    [{ loss: 0.03, rtt: 700 }, "poor"],
  ])("with %j is %s", (signs, quality) => {
    expect(rate({ ...fine, ...signs })).toBe(quality);
  });
});

const after = (readings: readonly Quality[], before: Judgement = UNTESTED): Quality[] =>
  readings.map((reading) => (before = judge(before, reading)).quality);
const [g, f, p, l] = ["good", "fair", "poor", "lost"] as const;

describe("the judgement", () => {
  it.each<[string, Quality[], Quality[]]>([
    ["stays where it is", [g, g, g], [g, g, g]],
    ["takes one bad reading for chance", [g, p, g, p, g], [g, g, g, g, g]],
    ["becomes worse after two, as far as both agree", [p, f, f, p, p], [g, f, f, f, p]],
    ["becomes better after three, as far as all agree", [p, p, g, f, g, g, g, g], [g, p, p, p, f, f, f, g]],
    ["forgets what was against it when a reading is for it", [p, p, g, g, p, g, g, g], [g, p, p, p, p, p, p, g]],
    ["changes its direction when the readings do", [f, f, p, g, g, g], [g, f, f, f, f, g]],
    ["knows at once that all is lost, and that it is not any more", [l, l, f, g, g, g], [l, l, f, f, f, g]],
  ])("%s", (_, readings, judgements) => {
    expect(after(readings)).toEqual(judgements);
  });

  it("does not flicker with readings around a bound", () => {
    const random = seeded(3);
    const readings = Array.from({ length: 300 }, () => rate({ ...fine, loss: 0.01 + random() * 0.02 }));
    const judgements = after(readings);
    const changes = (list: readonly Quality[]): number => list.filter((quality, index) => index > 0 && quality !== list[index - 1]).length;
    expect(changes(readings)).toBeGreaterThan(100);
    expect(changes(judgements)).toBeLessThan(changes(readings) / 2);
  });
});

it("the best of several", () => {
  expect(best([p, f, l])).toBe(f);
  expect(best([l, l])).toBe(l);
});
