import { expect, it } from "vitest";
import { gauge, RELAXED, type Effort, type Gauge } from "./strain";

const SMALL = { limited: "bandwidth", sent: 180, capacity: 300 } as const;
const LARGE = { limited: null, sent: 540, capacity: 3_000 } as const;

/** So many readings, two seconds apart, after what was before. */
function read(before: Gauge, times: number, effort: Partial<Effort>, from = 0): Gauge {
  let now = before;
  for (let index = 0; index < times; index += 1) {
    now = gauge(now, { now: from + index * 2_000, topology: "mesh", others: 2, camera: 720, readings: [LARGE], ...effort });
  }
  return now;
}

it("is the line that does not carry a picture of a fair size to everyone, ten seconds on end", () => {
  expect(read(RELAXED, 5, { readings: [SMALL, LARGE] }).strained).toBeNull();
  const strained = read(RELAXED, 6, { readings: [SMALL, LARGE] });
  expect(strained.strained).toBe("upload");
  expect(read(strained, 5, { readings: [LARGE] }, 20_000).strained).toBe("upload");
  expect(read(strained, 6, { readings: [LARGE] }, 20_000).strained).toBeNull();
});

it("is none while it comes and goes", () => {
  let now = RELAXED;
  for (let round = 0; round < 10; round += 1) {
    now = read(now, 4, { readings: [SMALL] }, round * 10_000);
    now = read(now, 1, { readings: [LARGE] }, round * 10_000 + 8_000);
  }
  expect(now.strained).toBeNull();
});

it.each([
  ["the line would carry more than we let it", { readings: [{ ...SMALL, capacity: 3_500 }] }],
  ["it is not known what the line carries", { readings: [{ ...SMALL, capacity: null }] }],
  ["the picture is as large as it may be", { readings: [{ ...SMALL, sent: 540 }] }],
  ["the camera is no better", { camera: 180, readings: [SMALL] }],
  ["the camera is off", { camera: null, readings: [{ ...SMALL, sent: null }] }],
  ["there is only one other", { others: 1, readings: [SMALL] }],
  ["many are sent a small one anyway", { others: 7, readings: [SMALL] }],
])("is none where %s", (_, effort) => {
  expect(read(RELAXED, 20, effort).strained).toBeNull();
});

it("is the machine that does not keep up", () => {
  expect(read(RELAXED, 6, { readings: [{ limited: "cpu", sent: 540, capacity: 3_000 }] }).strained).toBe("processor");
});

it("stands while media goes through the server, until there are fewer people or the line has proved better", () => {
  const strained = read(RELAXED, 6, { readings: [SMALL] });
  const byServer = { topology: "server", readings: [{ ...LARGE, capacity: 1_000 }] } as const;
  expect(read(strained, 100, byServer, 20_000).strained).toBe("upload");
  expect(read(strained, 6, { ...byServer, others: 1 }, 20_000).strained).toBeNull();
  expect(read(strained, 6, { ...byServer, readings: [{ ...LARGE, capacity: 2_500 }] }, 20_000).strained).toBeNull();
  const busy = read(RELAXED, 6, { readings: [{ limited: "cpu", sent: 540, capacity: 3_000 }] });
  expect(read(busy, 100, { ...byServer, readings: [LARGE] }, 20_000).strained).toBe("processor");
  expect(read(RELAXED, 100, { ...byServer, readings: [SMALL] }).strained).toBeNull();
});
