// Anna's meeting, and Ben comes: how long that takes, by which way they are connected, and what they see and hear of each other.
import { expect, test } from "@playwright/test";
import type { Route } from "../harness/person.ts";
import type { Resident } from "./fixtures.ts";

/** Directly, or through the relay: by an address there of our own, which we reach over UDP, TCP or TLS, or by the other's. */
export type Way = "direct" | "relay over udp" | "relay over tcp" | "relay over tls" | "the other's relay";

/** Notes a figure, to be read in the report. */
export function figure(what: string, value: string): void {
  console.log(`    ${what}: ${value}`);
  test.info().annotations.push({ type: what, description: value });
}

/** Anna opens a meeting with her account, Ben follows the link as a guest; both wait until they see and hear each other. */
export async function meet(anna: Resident, ben: Resident): Promise<void> {
  await arrive(anna, ben);
  const begun = Date.now();
  await ben.tab.press("button", "Join now");
  await Promise.all(pairs(anna, ben).map(([one, other]) => decodes(one, other)));
  const ms = Date.now() - begun;
  figure("from Ben's click to pictures on both sides", `${ms} ms`);
  expect(ms, "ms from Ben's click to pictures on both sides").toBeLessThan(20_000);
  for (const [one, other] of pairs(anna, ben)) {
    await one.seesColour(other.name, other.colour);
    await one.hears(other.name, other.hz);
    await one.seesMotion(other.name);
  }
}

/** Anna is in her meeting, and Ben is in front of its door. */
export async function arrive(anna: Resident, ben: Resident): Promise<void> {
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.follow(link);
  await ben.tab.fill("textbox", "Your name", ben.name);
}

export function pairs(one: Resident, other: Resident): [Resident, Resident][] {
  return [
    [one, other],
    [other, one],
  ];
}

/** Waits until `one` has decoded a frame of `other`'s. */
async function decodes(one: Resident, other: Resident): Promise<void> {
  const decoded = async (name: string) => (await window.probe.frames(name)) > 0;
  await one.tab.page.waitForFunction(decoded, other.name, { polling: 50, timeout: 60_000 });
}

/** Waits until `one`'s packets take this way. */
export async function expectWay(one: Resident, way: Way, timeout = 20_000): Promise<void> {
  await expect.poll(() => ways(one), { message: `the way of ${one.name}'s packets`, timeout }).toEqual([way]);
}

/** Waits until both are connected through the relay, which whoever has an address there reaches over UDP. */
export async function expectRelayedOverUdp(anna: Resident, ben: Resident): Promise<void> {
  const found = async () => [...(await ways(anna)), ...(await ways(ben))].filter((way) => way !== "the other's relay");
  await expect.poll(async () => [...new Set(await found())], { message: "the ways of both", timeout: 20_000 }).toEqual(["relay over udp"]);
}

/** Expects that the "Connection" panel tells `one` in these words how they are connected to `other`. */
export async function expectPanel(one: Resident, other: Resident, words: string): Promise<void> {
  await one.tab.press("button", "Peer to peer");
  await one.tab.press("button", "Connection");
  const panel = one.tab.page.getByRole("complementary", { name: "Connection" });
  await expect(panel.getByRole("listitem", { name: other.name })).toContainText(words);
}

/** The way of each connection that is up. */
async function ways(one: Resident): Promise<Way[]> {
  const routes = await one.tab.evaluate(() => window.probe.routes(), null);
  return routes.filter(({ state }) => state === "connected").map(wayOf);
}

function wayOf({ local, remote, relayed }: Route): Way {
  if (local === "relay") return relayed === "tcp" || relayed === "tls" ? `relay over ${relayed}` : "relay over udp";
  return remote === "relay" ? "the other's relay" : "direct";
}

/** Expects that both are who they were from the beginning, and that the server has told nobody that the other left. */
export function expectNobodyLeft(anna: Resident, ben: Resident): void {
  const everyone = new Set<string>();
  for (const person of [anna, ben]) {
    expect(person.heard.filter(({ type }) => type === "left" || type === "denied" || type === "bye")).toEqual([]);
    const own = new Set(person.heard.flatMap((message) => message.you ?? []));
    expect(own.size, `ids that ${person.name} had`).toBe(1);
    for (const id of own) everyone.add(id);
  }
  const others = [anna, ben].flatMap(({ heard }) => heard.flatMap(({ participants = [], participant }) => [...participants, participant]));
  for (const other of others) if (typeof other === "object") everyone.add(other.id);
  expect(everyone.size, "ids in this meeting").toBe(2);
}
