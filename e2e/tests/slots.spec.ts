// A large meeting through the server, as one who looks on receives it: as many places as there are tiles, and nothing that is not seen.
import type { Page } from "@playwright/test";
import { colourOf } from "../harness/bots.ts";
import { expect, test } from "../harness/fixtures.ts";
import type { Colour } from "../harness/media.ts";
import { figure } from "../harness/watching.ts";

test.use({ settings: "--route server" });
test.setTimeout(400_000);

const LARGE = { width: 1920, height: 1080 };
const PHONE = { width: 390, height: 844 };
/** One more than fit in sixteen places. */
const SENDERS = 17;
/** The goal for a place that shows somebody else. */
const SWITCH_MS = 500;

const NAMES = Array.from({ length: SENDERS }, (_, index) => `Bot ${index}`);
const colour = (name: string): Colour => colourOf(Number(name.split(" ")[1]));

test("places grow with the people, those out of sight cost nothing, and who comes into sight is there at once", async ({
  people,
  bots,
}) => {
  const host = await people.bare("ada", { viewport: LARGE });
  await host.signUp();
  const link = await host.newMeeting();
  await host.joinNow();
  const { page } = host.tab;
  const places = () => page.evaluate(() => window.probe.places());
  expect(await places()).toBe(4);

  await test.step("from 4 places to 25, without another connection", async () => {
    bots(link, { publishers: SENDERS, joinEvery: "1500ms", profile: "webinar" });
    const grown = new Set<number>();
    await expect.poll(async () => (grown.add(await places()), [...grown]), { timeout: 120_000, intervals: [200] }).toContain(25);
    figure("places for pictures, one after the other", [...grown].join(", "));
    expect([...grown]).toEqual([4, 9, 16, 25]);
    for (const name of NAMES) await expect(async () => host.seesColour(name, colour(name))).toPass({ timeout: 60_000 });
    expect(await page.evaluate(() => window.probe.connections())).toBe(1);
  });

  await test.step("who is out of sight costs nothing", async () => {
    await page.setViewportSize(PHONE);
    const shown = async () => (await page.evaluate(() => window.probe.people())).filter((name) => name.startsWith("Bot")).length;
    await expect.poll(shown, { timeout: 30_000 }).toBeLessThan(SENDERS);
    const receiving = () => arriving(page, 2_000);
    await expect.poll(async () => (await receiving()).length - (await shown()), { timeout: 60_000 }).toBeLessThanOrEqual(0);
    figure("pictures that arrive on a small screen", `${(await receiving()).length} of ${SENDERS}, ${await shown()} in sight`);
  });

  await test.step("who comes into sight is seen in their own colour, and at once", async () => {
    const waits: number[] = [];
    for (const key of ["PageDown", "PageUp", "PageDown", "PageUp"]) {
      const before = await page.evaluate(() => window.probe.people());
      await page.evaluate(() =>
        window.addEventListener("keydown", () => Object.assign(window, { pressedAt: performance.now() }), { once: true, capture: true }),
      );
      await page.keyboard.press(key);
      await expect
        .poll(async () => (await page.evaluate(() => window.probe.people())).filter((name) => !before.includes(name)).length)
        .toBeGreaterThan(0);
      const names = (await page.evaluate(() => window.probe.people())).filter((name) => name.startsWith("Bot") && !before.includes(name));
      waits.push(
        ...(await page.evaluate(
          seenAfter,
          names.map((name): [string, Colour] => [name, colour(name)]),
        )),
      );
    }
    waits.sort((a, b) => a - b);
    const middle = waits[Math.floor(waits.length / 2)] ?? Infinity;
    figure(
      "from the key to the colour of somebody else",
      `${middle} ms in the middle, ${waits[0]} to ${waits.at(-1)} ms, ${waits.length} places`,
    );
    // What else the machine has to do makes some of them wait for longer.
    expect(waits[0]).toBeLessThan(SWITCH_MS);
    expect(waits.at(-1)).toBeLessThan(15_000);
  });
});

/** The pictures of which anything arrives within a while, but padding. */
async function arriving(page: Page, ms: number): Promise<string[]> {
  const read = async () => {
    const all = await page.evaluate(() => window.probe.reports(["inbound-rtp"]));
    return new Map(all.filter(({ kind }) => kind === "video").map((one) => [String(one.id), Number(one.bytesReceived)]));
  };
  const before = await read();
  await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), ms);
  return [...(await read())].filter(([id, bytes]) => bytes > (before.get(id) ?? 0)).map(([id]) => id);
}

/** In the page: how long after the last key each of them is seen in their colour. */
async function seenAfter(whom: [string, Colour][]): Promise<number[]> {
  const pressedAt = Number(Reflect.get(window, "pressedAt"));
  const missing = new Map(whom);
  const waits: number[] = [];
  while (missing.size > 0 && performance.now() - pressedAt < 20_000) {
    for (const [name, colour] of missing) {
      const seen = window.probe.pixel(name);
      if (!seen || Math.hypot(...colour.map((part, at) => part - (seen[at] ?? 0))) > 60) continue;
      waits.push(Math.round(performance.now() - pressedAt));
      missing.delete(name);
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  return [...waits, ...[...missing].map(() => Infinity)];
}
