// Calls whose media goes through the server.
import { expect, test } from "../harness/fixtures.ts";
import { blue, type Colour, green, red } from "../harness/media.ts";
import type { Person } from "../harness/person.ts";

test.describe("always through the server", () => {
  test.use({ settings: "--route server" });

  test("the server is killed and started again: media is back without a click", async ({ people, server }) => {
    const anna = await people.chromium("anna", { colour: red, hz: 440 });
    const ben = await people.chromium("ben", { colour: green, hz: 660 });
    await meet(anna, ben);
    await show(anna, ben);
    await server.kill();
    await server.start();
    const ready = Date.now();
    await movesOn(anna, "ben");
    await movesOn(ben, "anna");
    const back = Date.now() - ready;
    const gap = await showed(anna, ben);
    figure("server killed and started, call through it: longest time without a frame", `${gap} ms, ${back} ms until 10 frames were seen`);
    // The goal is 3 s. The machine may be three times as slow as usual.
    expect(gap).toBeLessThan(9_000);
    await anna.hears("ben", 660);
    await ben.hears("anna", 440);
    await anna.say("are you there?");
    await ben.reads("are you there?");
  });
});

test.describe("peer to peer up to two", () => {
  test.use({ settings: "--mesh-people 2" });

  test("a third person comes and goes: nobody's picture stands still, none is another's", async ({ people }) => {
    const anna = await people.chromium("anna", { colour: red, hz: 440 });
    const ben = await people.chromium("ben", { colour: green, hz: 660 });
    const link = await meet(anna, ben);
    for (const person of [anna, ben]) await person.isDirectlyConnected(1);
    const before = await quiet(anna, ben);

    const chloe = await people.chromium("chloe", { colour: blue, hz: 880 });
    await chloe.follow(link);
    await chloe.tab.fill("textbox", "Your name", chloe.name);
    await show(anna, ben);
    await chloe.joinNow();
    for (const person of [anna, ben]) await person.tab.see("button", "Through the server");
    for (const person of [anna, ben, chloe]) await hasConnections(person, 1);
    await anna.seesColour("chloe", blue);
    await ben.seesColour("chloe", blue);
    await chloe.seesColour("anna", red);
    await chloe.seesColour("ben", green);
    const up = await showed(anna, ben);
    figure("peer to peer -> server: longest time without a frame", `${up} ms (${before} ms before)`);
    expect(up).toBeLessThan(Math.max(before, HANDOVER_MS) + BUSY_MS);
    await anna.hears("ben", 660);
    await anna.hears("chloe", 880);
    await chloe.hears("anna", 440);

    await anna.say("still here");
    await ben.reads("still here");
    await chloe.reads("still here");

    await show(anna, ben);
    await chloe.leave();
    for (const person of [anna, ben]) await person.tab.see("button", "Peer to peer", 60_000);
    for (const person of [anna, ben]) await person.isDirectlyConnected(1);
    const down = await showed(anna, ben);
    figure("server -> peer to peer: longest time without a frame", `${down} ms (${before} ms before)`);
    expect(down).toBeLessThan(Math.max(before, HANDOVER_MS) + BUSY_MS);
    await anna.hears("ben", 660);
    await ben.hears("anna", 440);
  });
});

/** The goal: nobody sees a picture stand still for longer. */
const HANDOVER_MS = 200;
/** Three browsers share two cores: that much is the machine's. */
const BUSY_MS = 1_500;

type Camera = Person & { colour?: Colour };

const colours: Record<string, Colour> = { anna: red, ben: green, chloe: blue };

/** Both are in a meeting of anna's, and see each other. */
async function meet(anna: Camera, ben: Camera): Promise<string> {
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.follow(link);
  await ben.tab.fill("textbox", "Your name", ben.name);
  await ben.joinNow();
  await anna.seesColour("ben", green);
  await ben.seesColour("anna", red);
  return link;
}

async function hasConnections(person: Camera, count: number): Promise<void> {
  const connected = async () =>
    (await person.tab.evaluate(() => window.probe.routes(), null)).filter(({ state }) => state === "connected").length;
  await expect.poll(connected, { message: `the connections of ${person.name}`, timeout: 45_000 }).toBe(count);
}

function pairs(...people: Camera[]): [Camera, Camera][] {
  return people.flatMap((one) => people.filter((other) => other !== one).map((other): [Camera, Camera] => [one, other]));
}

/** Begins to watch what each shows of the others. */
async function show(...people: Camera[]): Promise<void> {
  for (const [one, other] of pairs(...people)) {
    await one.tab.evaluate((whom) => window.probe.show(whom), [other.name, colours[other.name]!] as [string, Colour]);
  }
}

/** Ends the watch: the longest time without a frame. Expects that nothing but the right colour was seen. */
async function showed(...people: Camera[]): Promise<number> {
  const longest: number[] = [];
  for (const [one, other] of pairs(...people)) {
    const seen = await one.tab.evaluate((name) => window.probe.showed(name), other.name);
    expect(seen?.wrong, `what ${one.name} saw in the tile of ${other.name}`).toEqual([]);
    longest.push(seen?.longest ?? Infinity);
  }
  return Math.max(...longest);
}

/** How long no frame is shown while nothing happens. */
async function quiet(...people: Camera[]): Promise<number> {
  await show(...people);
  for (const [one, other] of pairs(...people)) await movesOn(one, other.name, 60);
  return showed(...people);
}

async function movesOn(one: Camera, name: string, frames = 10): Promise<void> {
  const shown = () => one.tab.evaluate((who) => window.probe.shown(who), name);
  const before = await shown();
  await expect.poll(shown, { message: `${one.name} is shown frames of ${name}`, timeout: 30_000 }).toBeGreaterThan(before + frames);
}

function figure(what: string, value: string): void {
  console.log(`    ${what}: ${value}`);
  test.info().annotations.push({ type: what, description: value });
}
