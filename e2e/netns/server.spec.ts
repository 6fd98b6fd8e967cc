// Calls through the server, from networks that make it more or less hard to reach.
import { expect, test } from "./fixtures.ts";
import { figure, meet, pairs } from "./meeting.ts";

const UDP = "meta l4proto udp";
/** A firewall that lets only the web through, and looks into it: what begins like STUN is not TLS (its magic cookie, RFC 8489), framed for
 * a stream neither. */
const ALL_BUT_TLS = [
  UDP,
  'iifname "lan" tcp dport != 443',
  "meta l4proto tcp @ih,32,32 0x2112a442",
  "meta l4proto tcp @ih,48,32 0x2112a442",
];

test("only the TCP port is reachable", async ({ serve, anna, ben }) => {
  await serve("--route", "server");
  anna.house.wifi.stop(UDP);
  await meet(anna, ben);
  for (const [one] of pairs(anna, ben)) await expect(one.tab.page.getByRole("button", { name: "Through the server" })).toBeVisible();
});

test("only TLS is let through: by the relay to the server itself", async ({ serve, anna, ben }) => {
  await serve("--route", "server");
  anna.house.wifi.stop(...ALL_BUT_TLS);
  await meet(anna, ben);
});

test("two who cannot reach each other, and no relay: the server takes over", async ({ serve, anna, ben }) => {
  await serve("--relay", "off");
  for (const { house } of [anna, ben]) house.wifi.nat = "symmetric";
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.follow(link);
  await ben.tab.fill("textbox", "Your name", ben.name);
  await ben.joinNow();
  const begun = Date.now();
  for (const [one, other] of pairs(anna, ben)) {
    await expect.poll(() => one.tab.evaluate((name) => window.probe.frames(name), other.name), { timeout: 90_000 }).toBeGreaterThan(0);
    await one.seesColour(other.name, other.colour);
    await one.hears(other.name, other.hz);
  }
  figure("no way from one to the other: until both see each other through the server", `${Date.now() - begun} ms`);
});

test("a line of 500 kbit/s: the picture comes small and smooth there, and large where there is room", async ({ serve, anna, ben }) => {
  await serve("--route", "server");
  anna.house.wifi.limit(500);
  await meet(anna, ben);
  const size = (one: typeof anna, other: typeof anna) => one.tab.evaluate((name) => window.probe.size(name), other.name);
  // Anna's own picture goes up her line: what Ben gets of it is small, too. Ben's goes up whole, and only Anna gets less of it.
  await expect.poll(async () => (await ben.tab.evaluate(() => window.probe.sent(), null)).frames, { timeout: 30_000 }).toBeGreaterThan(150);
  await anna.tab.evaluate(([name, colour]) => window.probe.show([name, colour]), [ben.name, ben.colour] as const);
  await expect.poll(() => anna.tab.evaluate((name) => window.probe.shown(name), ben.name), { timeout: 60_000 }).toBeGreaterThan(100);
  const seen = await anna.tab.evaluate((name) => window.probe.showed(name), ben.name);
  figure("at 500 kbit/s: longest time without a frame", `${seen?.longest} ms`);
  figure("at 500 kbit/s: height of the picture that arrives", `${(await size(anna, ben)).height} of 360 lines`);
  expect(seen?.wrong).toEqual([]);
  expect(seen?.longest).toBeLessThan(2_000);
  await anna.hears(ben.name, ben.hz);
});
