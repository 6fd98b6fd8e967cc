// A call that grows past what a mesh carries, and shrinks again: what everybody sees and hears meanwhile.
import { colourOf } from "../harness/bots.ts";
import { expect, test } from "../harness/fixtures.ts";
import { green, red, SMALL } from "../harness/media.ts";
import type { Person } from "../harness/person.ts";
import { BUSY_MS, figure, HANDOVER_MS, hasConnections, views, watch, followed } from "../harness/watching.ts";

/** A beep every half second; a browser that has much to do misses one now and then. */
const SILENT_MS = 2_500;
/** Two recordings of two sounds do not begin at quite the same time. */
const TWICE_MS = 300;
const HZ: Record<string, number> = { anna: 700, ben: 1000 };

test.setTimeout(400_000);

test("four people in a mesh, a fifth and a sixth come, and four leave", async ({ people, bots }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 700, size: SMALL });
  const ben = await people.chromium("ben", { colour: green, hz: 1000, size: SMALL });
  const both = [
    [anna, "ben"],
    [ben, "anna"],
  ] as const;
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.follow(link);
  await ben.tab.fill("textbox", "Your name", ben.name);
  await ben.joinNow();
  for (const [one, other] of both) await one.hears(other, HZ[other]!);

  const crowd = bots(link, { publishers: 4, joinEvery: "35s", profile: "grid" });
  const here = (name: string) => comes(anna, name).then(() => comes(ben, name));
  await here("Bot 0");
  await here("Bot 1");
  const all = views([anna, ben], ["Bot 0", "Bot 1"]);
  for (const [one, name] of all) await watch(one, name);
  for (const one of [anna, ben]) await one.tab.evaluate(() => window.ear.listen(), null);
  for (const one of [anna, ben]) {
    await one.tab.see("button", "Peer to peer");
    await hasConnections(one, 3);
  }
  await test.step("to the server", async () => {
    const seen = both.map(([one, other]) => followed(one, "Through the server", 1, [other, "Bot 0", "Bot 1"]));
    for (const { ms, whose, before } of await Promise.all(seen)) {
      figure("the fifth comes, peer to peer -> server: longest time without a frame", `${ms} ms (${whose}); ${before} ms before`);
      expect(ms).toBeLessThan(Math.max(before, HANDOVER_MS) + BUSY_MS);
    }
    for (const [one, other] of both) await heardAllAlong(one, other);
  });

  await test.step("the fifth and the sixth are seen", async () => {
    await here("Bot 2");
    await here("Bot 3");
    for (const one of [anna, ben]) expect(await one.tab.evaluate(() => window.probe.connections(), null)).toBe(1);
  });

  await test.step("and back, when they have left", async () => {
    await crowd.leave();
    // They may come back for a while, as far as the server knows.
    for (const [one, other] of both) await expect(async () => one.seesPeople(other)).toPass({ timeout: 60_000 });
    for (const [one, other] of both) await watch(one, other);
    for (const one of [anna, ben]) await one.tab.evaluate(() => window.ear.listen(), null);
    const seen = both.map(([one, other]) => followed(one, "Peer to peer", 1, [other]));
    for (const { ms, whose, before } of await Promise.all(seen)) {
      figure("two are left, server -> peer to peer: longest time without a frame", `${ms} ms (${whose}); ${before} ms before`);
      expect(ms).toBeLessThan(Math.max(before, HANDOVER_MS) + BUSY_MS);
    }
    for (const [one, other] of both) await heardAllAlong(one, other);
    for (const one of [anna, ben]) await one.isDirectlyConnected(1);
  });
});

/** Somebody without a browser comes, and is seen by their colour. */
async function comes(one: Person, name: string): Promise<void> {
  const names = () => one.tab.evaluate(() => window.probe.people(), null);
  await expect.poll(names, { message: `${one.name} has a tile of ${name}`, timeout: 90_000 }).toContain(name);
  const colour = colourOf(Number(name.split(" ")[1]));
  await expect(async () => one.seesColour(name, colour)).toPass({ timeout: 60_000 });
}

/** Ends the listening: somebody was heard all along, and never twice. */
async function heardAllAlong(one: Person, other: string): Promise<void> {
  const { silent, doubled, ms } = await one.tab.evaluate((hz) => window.ear.heard(hz), HZ[other]!);
  figure(`${one.name} hears ${other} meanwhile`, `not for ${silent} ms, twice for ${doubled} ms, of ${ms} ms`);
  expect(silent).toBeLessThan(SILENT_MS);
  expect(doubled).toBeLessThan(TWICE_MS);
}
