// How long pictures stand still, and when they move again.
import { expect } from "@playwright/test";
import type { Resident } from "./fixtures.ts";
import { pairs } from "./meeting.ts";

/** Frames after which a picture counts as moving: two seconds of them, more than can have been waiting anywhere. */
const MOVING = 30;

export interface Freeze {
  /** The longest standstill of either picture, in ms. */
  longest: number;
  /** When the last of the two longest standstills ended, in ms since 1970. */
  ended: number;
  /** Frames that each has decoded. */
  frames: number[];
}

/** Begins to watch how long the pictures of both stand still. */
export async function watch(anna: Resident, ben: Resident): Promise<void> {
  for (const [one, other] of pairs(anna, ben)) await one.tab.evaluate((name) => window.probe.watch(name), other.name);
}

/** Waits until both pictures have moved on by so many frames from now. */
export async function move(anna: Resident, ben: Resident, timeout: number, frames = MOVING): Promise<void> {
  const watching = pairs(anna, ben).map(async ([one, other]) => {
    const from = await one.tab.evaluate((name) => window.probe.watching(name), other.name);
    const decoded = () => one.tab.evaluate((name) => window.probe.watching(name), other.name);
    await expect.poll(decoded, { message: `${one.name} decodes frames of ${other.name}`, timeout }).toBeGreaterThan(from + frames);
  });
  await Promise.all(watching);
}

/** Ends the watch. Expects that both pictures move. */
export async function watched(anna: Resident, ben: Resident): Promise<Freeze> {
  const freeze: Freeze = { longest: 0, ended: 0, frames: [] };
  for (const [one, other] of pairs(anna, ben)) {
    const seen = await one.tab.evaluate((name) => window.probe.watched(name), other.name);
    expect(seen?.ended, `the end of the longest standstill of ${other.name}'s picture at ${one.name}`).toBeGreaterThan(0);
    freeze.longest = Math.max(freeze.longest, seen?.longest ?? Infinity);
    freeze.ended = Math.max(freeze.ended, seen?.ended ?? 0);
    freeze.frames.push(seen?.frames ?? 0);
  }
  return freeze;
}
