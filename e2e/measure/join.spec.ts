// How long it takes from "Join now" to the first picture of somebody, in a call through the server: as the page itself measures it, from the
// click to the frame that is painted. One person is there with a camera, another comes and goes. `npm run measure:join`, with a server
// that is built to be fast: FIRESIDE_BIN=../target/release/fireside. MEASURE_ROUNDS: how often, 20 without it.
import { expect, test } from "../harness/fixtures.ts";
import { green, red, SMALL } from "../harness/media.ts";
import type { Person } from "../harness/person.ts";
import { figure } from "../harness/watching.ts";

const ROUNDS = Number(process.env["MEASURE_ROUNDS"] ?? 20);

test.use({ settings: "--route server" });
test.setTimeout(60_000 + ROUNDS * 20_000);

for (const others of [1, 2]) {
  test(`into a call of ${others}`, async ({ people, bots }) => {
    const anna = await people.chromium("anna", { colour: red, hz: 440, size: SMALL, framesPerSecond: 30 });
    const ben = await people.chromium("ben", { colour: green, hz: 660, size: SMALL, framesPerSecond: 30 });
    await anna.signUp();
    const link = await anna.newMeeting();
    await anna.joinNow();
    // With a second one anna is looked at already, and sends.
    if (others > 1) {
      bots(link, { publishers: 1, profile: "webinar" });
      await expect.poll(() => anna.tab.evaluate(() => window.probe.people(), null), { timeout: 60_000 }).toContain("Bot 0");
      await anna.seesMotion("Bot 0");
    }
    const waits: number[] = [];
    const parts = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      await ben.follow(link);
      if (round === 0) await ben.tab.fill("textbox", "Your name", ben.name);
      await isPrepared(ben);
      await ben.tab.evaluate(() => window.probe.arrive("anna"), null);
      await ben.tab.press("button", "Join now");
      const steps = await ben.tab.evaluate(() => window.probe.arrived(), null);
      waits.push(steps.picture ?? Infinity);
      for (const [step, ms] of Object.entries(steps)) parts.set(step, [...(parts.get(step) ?? []), ms]);
      await ben.leave();
    }
    for (const [step, all] of parts) figure(`from the click to: ${step}`, `median ${at(all, 0.5)} ms, 95th percentile ${at(all, 0.95)} ms`);
    figure(
      `into a call of ${others}: from "Join now" to the first picture`,
      `median ${at(waits, 0.5)} ms, 95th percentile ${at(waits, 0.95)} ms`,
    );
    expect(waits.every(Number.isFinite)).toBe(true);
  });
}

/** Waits until the page has its connection with the server. */
async function isPrepared(one: Person): Promise<void> {
  const up = async () => (await one.tab.evaluate(() => window.probe.routes(), null)).filter(({ state }) => state === "connected").length;
  await expect.poll(up, { message: "the way to the server is open", timeout: 30_000, intervals: [100] }).toBe(1);
}

function at(all: readonly number[], part: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}
