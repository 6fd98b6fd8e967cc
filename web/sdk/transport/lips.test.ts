import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { TrackRef } from "../protocol.gen";
import { type Holds, hold, lateness, Lips } from "./lips";
import type { Slot } from "./slot";

const NONE: Holds = { audio: 0, video: 0 };

/** What comes of it when both are held back so, again and again: natural delays in ms, the browser takes the greater of the two. */
function settle(audio: number, video: number, holds = NONE, looks = 40): { holds: Holds; late: number } {
  const late = (): number => Math.max(audio, holds.audio) - Math.max(video, holds.video);
  for (let look = 0; look < looks; look += 1) holds = hold(holds, late());
  return { holds, late: late() };
}

it.each([
  [100, 15],
  [15, 100],
  [300, 20],
  [60, 350],
  [250, 200],
])("a sound that takes %i ms and a picture that takes %i are brought together", (audio, video) => {
  const { holds, late } = settle(audio, video);
  expect(Math.abs(late)).toBeLessThanOrEqual(20);
  expect(Math.min(holds.audio, holds.video)).toBe(0);
});

it("what nobody notices is left alone, and what cannot be is not believed", () => {
  expect(hold(NONE, 15)).toEqual(NONE);
  expect(hold({ audio: 0, video: 90 }, -20)).toEqual({ audio: 0, video: 90 });
  expect(hold({ audio: 0, video: 90 }, 5_000)).toEqual({ audio: 0, video: 90 });
});

it("what is held back is let go when the other one is late no longer, and it never waits for long", () => {
  const { holds } = settle(200, 20);
  expect(holds.video).toBeGreaterThan(150);
  const after = settle(40, 30, holds);
  expect(Math.abs(after.late)).toBeLessThanOrEqual(20);
  expect(after.holds.video).toBeLessThanOrEqual(60);
  expect(settle(2_000, 10).holds).toEqual({ audio: 0, video: 400 });
});

it("how late each is is told by what was played a moment ago, where the browser says when that was captured", () => {
  const played = (timestamp: number, captureTimestamp?: number) => ({ timestamp, captureTimestamp, source: 1, rtpTimestamp: 0 });
  expect(lateness(played(10_000, 500), played(9_990, 560), 10_010)).toBe(70);
  expect(lateness(played(10_000, 500), played(9_990), 10_010)).toBeNull();
  expect(lateness(played(8_000, 500), played(9_990, 560), 10_010)).toBeNull();
  expect(lateness(undefined, played(9_990, 560), 10_010)).toBeNull();
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("people who move to other places, and those who take theirs, begin anew", async () => {
  const place = (participant: string, source: TrackRef["source"], delay: () => number): Slot => {
    const receiver = {
      jitterBufferTarget: null as number | null,
      getSynchronizationSources: () => {
        const timestamp = performance.timeOrigin + performance.now();
        return [{ timestamp, captureTimestamp: timestamp - Math.max(delay(), receiver.jitterBufferTarget ?? 0) }];
      },
    };
    const carries = { participant, source } as TrackRef;
    const is = (id: string, of: string): boolean => slot.carries?.participant === id && slot.carries.source === of;
    const slot = { carries, ready: true, receiver, is } as unknown as Slot;
    return slot;
  };
  const voices = [place("a", "microphone", () => 120), place("b", "microphone", () => 120)];
  const pictures = [place("b", "screen", () => 10), place("a", "camera", () => 10)];
  const target = (slot: Slot | undefined): number | null | undefined => slot?.receiver.jitterBufferTarget;
  const lips = new Lips({ audio: voices, video: pictures });
  lips.watch();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(target(pictures[1])).toBeGreaterThan(95);
  // A screen has nothing to do with the voice.
  expect([target(pictures[0]), target(voices[0]), target(voices[1])]).toEqual([null, null, null]);
  pictures[1]!.carries = { participant: "c", source: "camera" };
  await vi.advanceTimersByTimeAsync(500);
  expect(target(pictures[1])).toBeNull();
  lips.close();
  pictures[1]!.carries = { participant: "a", source: "camera" };
  await vi.advanceTimersByTimeAsync(5_000);
  expect(target(pictures[1])).toBeNull();
});
