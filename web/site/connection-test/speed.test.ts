import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LADDER, measure, MESSAGE_BYTES, nextRung, STEP_MS, summed, type Step } from "./speed";

function step(kbps: number, share: number, arrived = share): Step {
  const sent = (kbps * STEP_MS) / 8 / MESSAGE_BYTES;
  return { kbps, sent, received: sent * share, arrived: sent * arrived, ms: STEP_MS };
}

test("the rate rises while enough arrives, and falls where it does not", () => {
  expect(nextRung(1, step(LADDER[1], 1))).toBe(2);
  expect(nextRung(1, step(LADDER[1], 1, 0.8))).toBe(2);
  expect(nextRung(1, step(LADDER[1], 1, 0.5))).toBe(0);
  expect(nextRung(0, step(LADDER[0], 0))).toBe(0);
  expect(nextRung(4, step(LADDER[4], 1))).toBe(4);
});

test("the best step is the speed, and only rates that the line carries tell of loss", () => {
  const steps = [step(500, 1), step(1_000, 0.99), step(2_000, 0.6), step(1_000, 0.99), step(2_000, 0.6)];
  expect(summed(steps)).toEqual({ kbps: 1_200, lossPercent: 0.8, most: false });
});

test("a line that loses much at every rate is said to", () => {
  expect(summed(Array.from({ length: 5 }, () => step(500, 0.8)))).toEqual({ kbps: 400, lossPercent: 20, most: false });
  expect(summed(Array.from({ length: 5 }, () => step(500, 0)))).toEqual({ kbps: 0, lossPercent: 100, most: false });
});

test("one lucky step does not hide what gets lost", () => {
  const steps = [step(500, 0.8), step(500, 0.98), step(500, 0.8), step(500, 0.8), step(500, 0.82)];
  expect(summed(steps).lossPercent).toBe(16);
});

test("more than the last rung is not tried, and that is known", () => {
  expect(summed(LADDER.map((kbps) => step(kbps, 1)))).toEqual({ kbps: 6_000, lossPercent: 0, most: true });
});

/** A line that carries so much at once, loses every so-many-th message, and takes its time. */
class Line {
  bufferedAmount = 0;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  sent = 0;
  largest = 0;
  #freeAt = 0;

  constructor(
    readonly kbps: number,
    readonly loseEvery: number,
    readonly far = {} as Line,
  ) {}

  send(message: Uint8Array): void {
    this.sent++;
    this.largest = Math.max(this.largest, message.length);
    const copy = message.slice().buffer;
    this.bufferedAmount += message.length;
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + (message.length * 8) / this.kbps;
    const lost = this.sent % this.loseEvery === 0;
    setTimeout(() => (this.bufferedAmount -= message.length), this.#freeAt - performance.now());
    if (!lost) setTimeout(() => this.far.onmessage?.({ data: copy }), this.#freeAt - performance.now() + 40);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function run(near: Line, ended = new AbortController()) {
  const path = { near, far: near.far, ended: ended.signal, close: () => undefined } as never;
  const done: number[] = [];
  const measured = measure(path, (part) => done.push(part));
  return { measured, done };
}

test("a fast line is measured up to the last rung, within the quota and in five seconds", async () => {
  const near = new Line(50_000, Infinity);
  const begun = performance.now();
  const { measured, done } = await run(near);
  await vi.runAllTimersAsync();
  const steps = (await measured)!;
  expect(performance.now() - begun).toBeLessThan(6_500);
  expect(steps.map((step) => step.kbps)).toEqual([...LADDER]);
  expect(summed(steps)).toMatchObject({ lossPercent: 0, most: true });
  expect(near.largest).toBe(MESSAGE_BYTES);
  expect(near.sent * MESSAGE_BYTES).toBeLessThan(5 * 750_000);
  expect(done.at(-1)).toBe(1);
});

test("a slow line is measured as slow, without loss that is not there", async () => {
  const { measured } = await run(new Line(700, Infinity));
  await vi.runAllTimersAsync();
  const { kbps, lossPercent, most } = summed((await measured)!);
  expect(kbps).toBeGreaterThan(550);
  expect(kbps).toBeLessThan(850);
  expect({ lossPercent, most }).toEqual({ lossPercent: 0, most: false });
});

test("what gets lost is counted", async () => {
  const { measured } = await run(new Line(50_000, 20));
  await vi.runAllTimersAsync();
  expect(summed((await measured)!).lossPercent).toBeCloseTo(5, 0);
});

test("a way that ends meanwhile gives no figures", async () => {
  const ended = new AbortController();
  const { measured } = await run(new Line(50_000, Infinity), ended);
  await vi.advanceTimersByTimeAsync(1_500);
  ended.abort();
  await vi.runAllTimersAsync();
  expect(await measured).toBeNull();
});
