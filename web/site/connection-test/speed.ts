// How much comes through to the server and back, and how much is lost: numbered messages at a rate that rises as long as they arrive.
// The counting is pure; `measure` is what sends.
import type { Path } from "./relay";

/** One message is one packet: with what is put around it, it stays below the 1,280 bytes that every network carries. */
export const MESSAGE_BYTES = 1_000;
/** In kbit/s. The last one is below what the relay lets somebody have who tests (1 MB/s, with everything around it). */
export const LADDER = [500, 1_000, 2_000, 4_000, 6_000] as const;
/** A rung of the ladder is stood on for so long; there are as many as rungs. */
export const STEP_MS = 1_000;
/** Of what was aimed at: what arrives on a way that carries it, even if a quarter of the step goes by on the way. */
const KEPT_UP = 0.75;
/** A rate up to so much more than the best that was measured is one that the line carries. */
const CARRIED = 1.05;
/** Late messages are waited for. */
const STRAGGLERS_MS = 600;
const TICK_MS = 10;
/** What waits in the browser is not sent yet; more than this, and nothing is added to it. */
const WAITING_BYTES = 16_000;
/** A line that does not empty that within this time is as good as none. */
const EMPTIED_MS = 2_000;

export interface Step {
  /** What was aimed at. */
  kbps: number;
  sent: number;
  /** Of those that were sent in it, whenever they arrived. */
  received: number;
  /** In it, whenever they were sent. */
  arrived: number;
  ms: number;
}

/** The next rung: one up where enough arrived, else one down. */
export function nextRung(rung: number, { kbps, arrived, ms }: Step): number {
  const up = rate(arrived, ms) >= kbps * KEPT_UP;
  return Math.min(Math.max(rung + (up ? 1 : -1), 0), LADDER.length - 1);
}

/** What came of the steps. `most`: more was not tried, though it might have come through. */
export function summed(steps: readonly Step[]): { kbps: number; lossPercent: number; most: boolean } {
  const kbps = Math.round(Math.max(0, ...steps.map(carried)) / 10) * 10;
  // Rates that were too high say how fast it is, not how well it works. Where all were, the lowest has to do.
  const lowest = Math.min(...steps.map((step) => step.kbps));
  const counted = steps.filter((step) => step.kbps <= Math.max(kbps * CARRIED, lowest));
  const sent = counted.reduce((sum, step) => sum + step.sent, 0);
  const received = counted.reduce((sum, step) => sum + step.received, 0);
  const lossPercent = sent === 0 ? 0 : Math.round(((sent - received) / sent) * 1000) / 10;
  const top = steps.find((step) => step.kbps === LADDER.at(-1));
  return { kbps, lossPercent, most: top !== undefined && carried(top) >= top.kbps * KEPT_UP };
}

function carried({ received, ms }: Step): number {
  return rate(received, ms);
}

/** In kbit/s. */
function rate(messages: number, ms: number): number {
  return (messages * MESSAGE_BYTES * 8) / ms;
}

/** Sends for five seconds over an unreliable channel. Null: the path was lost meanwhile. `progress`: from 0 to 1. */
export async function measure({ near, far, ended }: Path, progress: (done: number) => void): Promise<Step[] | null> {
  const steps: Step[] = [];
  far.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    const [sentIn, arrivedIn] = [steps[new Uint8Array(data)[0] ?? -1], steps.at(-1)];
    if (sentIn) sentIn.received++;
    if (arrivedIn) arrivedIn.arrived++;
  };
  let rung = 0;
  while (steps.length < LADDER.length) {
    const step: Step = { kbps: LADDER[rung] ?? LADDER[0], sent: 0, received: 0, arrived: 0, ms: STEP_MS };
    steps.push(step);
    if (!(await climb(near, step, steps.length - 1, ended, (part) => progress((steps.length - 1 + part) / LADDER.length)))) return null;
    rung = nextRung(rung, step);
  }
  return (await emptied(near, ended)) && (await pause(STRAGGLERS_MS, ended)) ? steps : null;
}

async function emptied(channel: RTCDataChannel, ended: AbortSignal): Promise<boolean> {
  const end = performance.now() + EMPTIED_MS;
  while (channel.bufferedAmount > 0 && performance.now() < end) {
    if (!(await pause(TICK_MS, ended))) return false;
  }
  return true;
}

/** Sends at one rate for one step; false: the path is lost. */
async function climb(channel: RTCDataChannel, step: Step, number: number, ended: AbortSignal, progress: (part: number) => void) {
  const message = new Uint8Array(MESSAGE_BYTES);
  message[0] = number;
  const start = performance.now();
  let due = 0;
  for (let last = start; ;) {
    if (!(await pause(TICK_MS, ended))) return false;
    const now = performance.now();
    // A page that was held up for a moment does not send all of it at once.
    due += (Math.min(now - last, 5 * TICK_MS) * step.kbps) / 8;
    last = now;
    for (; due >= MESSAGE_BYTES && channel.bufferedAmount < WAITING_BYTES; due -= MESSAGE_BYTES) {
      channel.send(message);
      step.sent++;
    }
    due = Math.min(due, 5 * MESSAGE_BYTES);
    progress(Math.min(1, (now - start) / STEP_MS));
    if (now - start < STEP_MS) continue;
    step.ms = now - start;
    return true;
  }
}

function pause(ms: number, ended: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const over = () => done(false);
    const timer = setTimeout(() => done(true), ms);
    const done = (whole: boolean) => {
      clearTimeout(timer);
      ended.removeEventListener("abort", over);
      resolve(whole && !ended.aborted);
    };
    ended.addEventListener("abort", over);
  });
}
