// Two people whose routers and networks make it more or less hard to reach each other.
import { expect, test } from "./fixtures.ts";
import type { Way } from "./internet.ts";
import { arrive, expectPanel, expectRelayedOverUdp, expectWay, meet } from "./meeting.ts";

const UDP = "meta l4proto udp";
/** A firewall that lets only the web through, and looks into it: what begins like STUN is not TLS (its magic cookie, RFC 8489). */
const ALL_BUT_TLS = [UDP, 'iifname "lan" tcp dport != 443', "meta l4proto tcp @ih,32,32 0x2112a442"];

function symmetric(...ways: Way[]): void {
  for (const way of ways) way.nat = "symmetric";
}

test("both behind cone NATs: directly", async ({ serve, anna, ben }) => {
  await serve();
  await meet(anna, ben);
  await expectWay(anna, "direct");
  await expectWay(ben, "direct");
  await expectPanel(anna, ben, "Direct");
});

test("both behind symmetric NATs: through the relay over UDP", async ({ serve, anna, ben }) => {
  await serve();
  symmetric(anna.house.wifi, ben.house.wifi);
  await meet(anna, ben);
  await expectRelayedOverUdp(anna, ben);
  await expectPanel(anna, ben, "Through the relay, UDP");
});

test("one network blocks UDP: through the relay over TCP", async ({ serve, anna, ben }) => {
  await serve();
  anna.house.wifi.stop(UDP);
  await meet(anna, ben);
  await expectWay(anna, "relay over tcp");
  await expectPanel(anna, ben, "Through the relay, TCP");
});

test("one network lets TLS on 443 through and nothing else, the other blocks UDP: through the relay over TLS and TCP", async ({
  serve,
  anna,
  ben,
}) => {
  await serve();
  anna.house.wifi.stop(...ALL_BUT_TLS);
  ben.house.wifi.stop(UDP);
  await meet(anna, ben);
  await expectWay(anna, "relay over tls");
  await expectWay(ben, "relay over tcp");
  await expectPanel(anna, ben, "Through the relay, TLS");
});

test("no way at all: both are told why, and what may be done", async ({ serve, anna, ben }) => {
  await serve("--relay", "off", "--route", "mesh");
  symmetric(anna.house.wifi, ben.house.wifi);
  await arrive(anna, ben);
  await ben.joinNow();
  for (const [one, other] of [[anna, ben] as const, [ben, anna] as const]) {
    const words = one.tab.page.getByText(`There is no direct way to ${other.name}, and this server has no relay.`);
    await expect(words.first()).toBeVisible({ timeout: 90_000 });
  }
});

test("the operator wants the relay always: nobody learns anybody's address", async ({ serve, anna, ben }) => {
  await serve("--relay", "always");
  await meet(anna, ben);
  await expectWay(anna, "relay over udp");
  await expectWay(ben, "relay over udp");
  for (const [one, other] of [[anna, ben] as const, [ben, anna] as const]) {
    const said = one.heard.filter(({ type }) => type === "signal").map((message) => JSON.stringify(message));
    expect(said.join("").match(/ typ relay /g)?.length, `addresses that ${one.name} was told`).toBeGreaterThan(0);
    expect(said.join("").match(/ typ (?!relay)\w+/g)).toBeNull();
    for (const address of other.house.addresses) expect(JSON.stringify(one.heard)).not.toContain(address);
  }
});
