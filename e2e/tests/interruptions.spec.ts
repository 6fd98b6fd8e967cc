// What a call survives.
import { expect, test } from "../harness/fixtures.ts";
import { blue, green, red } from "../harness/media.ts";
import type { Person } from "../harness/person.ts";
import { Wire } from "../harness/wire.ts";

// Three browsers share a small machine here, which strains it enough to bring such a call to the server.
test.use({ settings: "--route mesh" });

// Peer-to-peer media does not pass the server, so it may not notice that the server dies. Three browsers, a server and whatever else runs
// share few cores, so a picture stands still now and then for no better reason: what counts is how much longer than before.
const LONGER_MS = 1000;
/** Frames of each picture by which the time before is measured: four seconds of them. */
const BEFORE_FRAMES = 60;

/** The longest standstill of any picture since `watch`, in ms. Expects that all went on, over connections that never wavered. */
async function standstill(people: Person[]): Promise<number> {
  const longest: number[] = [];
  for (const [one, other] of pairs(people)) {
    const seen = await one.tab.evaluate((name) => window.probe.watched(name), other.name);
    expect(seen?.frames, `frames of ${other.name} at ${one.name}`).toBeGreaterThan(0);
    expect(seen?.wavered, `changes of the connection from ${one.name} to ${other.name}`).toEqual([]);
    longest.push(seen?.longest ?? Infinity);
  }
  return Math.max(...longest);
}

async function watch(people: Person[]): Promise<void> {
  for (const [one, other] of pairs(people)) await one.tab.evaluate((name) => window.probe.watch(name), other.name);
}

/** How long pictures stand still while nothing happens. */
async function measureBefore(people: Person[]): Promise<number> {
  await watch(people);
  for (const [one, other] of pairs(people)) {
    const decoded = () => one.tab.evaluate((name) => window.probe.watching(name), other.name);
    await expect.poll(decoded, { message: `${one.name} decodes frames of ${other.name}`, timeout: 30_000 }).toBeGreaterThan(BEFORE_FRAMES);
  }
  return standstill(people);
}

function expectNotLonger(what: string, before: number, during: number): void {
  console.log(`    ${what}: a picture stood still for ${during} ms at most (${before} ms before)`);
  expect(during, "the longest standstill of a picture").toBeLessThan(before + LONGER_MS);
}

function pairs(people: Person[]): [Person, Person][] {
  return people.flatMap((one) => people.filter((other) => other !== one).map((other): [Person, Person] => [one, other]));
}

test("the server is killed and started again during a call", async ({ people, server }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const ben = await people.chromium("ben", { colour: green, hz: 660 });
  const chloe = await people.chromium("chloe", { colour: blue, hz: 880 });
  const all = [anna, ben, chloe];
  for (const person of all) await person.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.enter(link);
  await chloe.enter(link);
  for (const [one, other] of pairs(all)) await one.seesMotion(other.name);
  await anna.say("before");
  for (const person of all) await person.reads("before");

  const before = await measureBefore(all);
  await watch(all);
  await server.kill();
  await anna.say("while it is away");
  await ben.say("me too");
  await server.start();
  for (const person of all) {
    await person.reads("while it is away");
    await person.reads("me too");
  }
  await chloe.say("and after");
  for (const person of all) await person.reads("and after");
  expectNotLonger("server killed and restarted", before, await standstill(all));

  for (const person of all) {
    await person.seesPeople(...all.filter((other) => other !== person).map((other) => other.name));
    for (const text of ["before", "while it is away", "me too", "and after"]) expect(await person.heardInChat(text)).toBe(1);
    await person.isDirectlyConnected(2);
  }
});

test("only the way to the server is cut", async ({ people, server }) => {
  const wire = await Wire.to(server.port);
  try {
    const anna = await people.chromium("anna", { colour: red, hz: 440 });
    const ben = await people.chromium("ben", { colour: green, hz: 660 }, { home: wire.url });
    for (const person of [anna, ben]) await person.signUp();
    const link = await anna.newMeeting();
    await anna.joinNow();
    await ben.enter(link.replace(server.url, wire.url));
    await anna.seesMotion("ben");
    await ben.seesMotion("anna");

    const before = await measureBefore([anna, ben]);
    await watch([anna, ben]);
    wire.cut();
    await anna.say("can you read me?");
    await ben.say("not now");
    wire.mend();
    await ben.reads("can you read me?");
    await anna.reads("not now");
    await ben.say("back");
    await anna.reads("back");
    expectNotLonger("signalling cut", before, await standstill([anna, ben]));
    expect(await anna.heardInChat("not now")).toBe(1);
    await anna.seesPeople("ben");
    await ben.seesPeople("anna");
  } finally {
    wire.close();
  }
});
