// Anna's meeting, and Ben comes: how long that takes, by which way they are connected, and what they see and hear of each other.
import { expect, test } from "@playwright/test";
import type { Route } from "../harness/person.ts";
import type { Resident } from "./fixtures.ts";

export type Way = "direct" | "udp" | "tcp" | "tls";

/** Notes a figure, to be read in the report. */
export function figure(what: string, value: string): void {
  console.log(`    ${what}: ${value}`);
  test.info().annotations.push({ type: what, description: value });
}

/** Anna opens a meeting with her account, Ben follows the link as a guest; both wait until they see and hear each other. */
export async function meet(anna: Resident, ben: Resident): Promise<void> {
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.follow(link);
  await ben.tab.fill("textbox", "Your name", ben.name);
  const begun = Date.now();
  await ben.tab.press("button", "Join now");
  await Promise.all([decodes(anna, ben), decodes(ben, anna)]);
  figure("from Ben's click to pictures on both sides", `${Date.now() - begun} ms`);
  for (const [one, other] of pairs(anna, ben)) {
    await one.seesColour(other.name, other.colour);
    await one.hears(other.name, other.hz);
    await one.seesMotion(other.name);
  }
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

/** Waits until `one` is connected this way: directly, or through the relay, which they reach over UDP, TCP or TLS. */
export async function expectRoute(one: Resident, way: Way, timeout = 20_000): Promise<void> {
  const found = async () => (await one.tab.evaluate(() => window.probe.routes(), null)).map(describe);
  await expect.poll(found, { message: `the way of ${one.name}'s packets`, timeout }).toEqual([`connected ${way}`]);
}

function describe({ state, local, remote, relayed }: Route): string {
  if (local === "relay") return `${state} ${relayed}`;
  return `${state} ${remote === "relay" ? "to the other's relay" : "direct"}`;
}
