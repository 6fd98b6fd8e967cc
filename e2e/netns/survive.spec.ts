// What happens to a call while the network under it changes.
import { expect, test } from "./fixtures.ts";
import { move, watch, watched } from "./freeze.ts";
import { expectNobodyLeft, expectRelayedOverUdp, expectWay, figure, meet } from "./meeting.ts";

/** Long enough for a machine with much else to do; what it took is printed. */
const GENEROUS_MS = 30_000;
/** The goal is media within 3 s of a usable path; the machine may be three times as slow as usual. */
const BACK_MS = 10_000;
const EVERY_TENTH = "numgen random mod 100 < 10";

test("Anna's Wi-Fi goes away, her mobile network comes up, and then the Wi-Fi is back", async ({ serve, anna, ben }) => {
  await serve();
  await meet(anna, ben);
  await expectWay(anna, "direct");

  await watch(anna, ben);
  anna.house.wifi.down();
  await expect(ben.tab.page.getByRole("listitem", { name: anna.name }).getByText("Reconnecting")).toBeVisible({ timeout: GENEROUS_MS });
  const up = Date.now();
  anna.house.mobile.up();
  await move(anna, ben, GENEROUS_MS);
  const first = await watched(anna, ben);
  figure("Wi-Fi lost, mobile network up some seconds later: from then to media", `${first.ended - up} ms`);
  expect(first.ended - up, "ms from a usable path to media").toBeLessThan(BACK_MS);
  await expectWay(anna, "direct");

  await watch(anna, ben);
  anna.house.mobile.down();
  anna.house.wifi.up();
  await move(anna, ben, GENEROUS_MS);
  const second = await watched(anna, ben);
  figure("mobile network lost, Wi-Fi up at once: longest standstill", `${second.longest} ms`);
  expect(second.longest, "ms of the longest standstill").toBeLessThan(BACK_MS);

  for (const [one, other] of [[anna, ben] as const, [ben, anna] as const]) {
    await one.seesColour(other.name, other.colour);
    await one.hears(other.name, other.hz);
    await one.seesPeople(other.name);
  }
  expectNobodyLeft(anna, ben);
});

test("every tenth packet is lost, both ways", async ({ serve, anna, ben }) => {
  await serve();
  await meet(anna, ben);
  await watch(anna, ben);
  await move(anna, ben, GENEROUS_MS, 60);
  const before = await watched(anna, ben);

  anna.house.wifi.stop(EVERY_TENTH);
  await watch(anna, ben);
  const begun = Date.now();
  await move(anna, ben, 60_000, 150);
  const seconds = (Date.now() - begun) / 1000;
  const during = await watched(anna, ben);
  for (const [one, other] of [[anna, ben] as const, [ben, anna] as const]) await one.hears(other.name, other.hz);
  // Ten a second and more go each way.
  expect(anna.house.wifi.dropped, "packets dropped").toBeGreaterThan(seconds);
  figure("10 % lost: longest standstill", `${during.longest} ms (${before.longest} ms before)`);
  figure("10 % lost: frames a second", during.frames.map((frames) => (frames / seconds).toFixed(1)).join(" and "));
  expectNobodyLeft(anna, ben);
});

test("the server is killed and started again while it relays", async ({ serve, anna, ben }) => {
  const server = await serve();
  for (const { house } of [anna, ben]) house.wifi.nat = "symmetric";
  await meet(anna, ben);
  await expectRelayedOverUdp(anna, ben);

  await watch(anna, ben);
  await server.kill();
  await server.start();
  const ready = Date.now();
  await move(anna, ben, GENEROUS_MS);
  const freeze = await watched(anna, ben);
  figure("relaying server killed and restarted: longest standstill", `${freeze.longest} ms`);
  figure("relaying server killed and restarted: from its start to media", `${freeze.ended - ready} ms`);
  expect(freeze.ended - ready, "ms from the start of the server to media").toBeLessThan(BACK_MS);
  await expectRelayedOverUdp(anna, ben);
  expectNobodyLeft(anna, ben);
});

test("the server is killed and started again during a direct call: nothing happens to it", async ({ serve, anna, ben }) => {
  const server = await serve();
  await meet(anna, ben);
  await expectWay(anna, "direct");
  await watch(anna, ben);
  await move(anna, ben, GENEROUS_MS, 60);
  const before = await watched(anna, ben);

  await watch(anna, ben);
  await server.kill();
  await server.start();
  await anna.say("are you there?");
  await ben.reads("are you there?");
  await move(anna, ben, GENEROUS_MS);
  const during = await watched(anna, ben);
  figure("server killed and restarted, direct call: longest standstill", `${during.longest} ms (${before.longest} ms before)`);
  expect(during.longest, "the longest standstill").toBeLessThan(before.longest + 1000);
  expectNobodyLeft(anna, ben);
});

test("a call through the relay becomes a direct one when that works", async ({ serve, anna, ben }) => {
  await serve();
  anna.house.wifi.stop(`meta l4proto udp ip daddr ${ben.house.wifi.outside}`, `meta l4proto udp ip saddr ${ben.house.wifi.outside}`);
  await meet(anna, ben);
  await expectRelayedOverUdp(anna, ben);

  await watch(anna, ben);
  const lifted = Date.now();
  anna.house.wifi.stop();
  await expectWay(anna, "direct", 120_000);
  await expectWay(ben, "direct", 120_000);
  figure("from the end of the blockade to a direct way", `${Date.now() - lifted} ms`);
  await move(anna, ben, GENEROUS_MS);
  const freeze = await watched(anna, ben);
  figure("from the relay to a direct way: longest standstill", `${freeze.longest} ms`);
  expectNobodyLeft(anna, ben);
});
