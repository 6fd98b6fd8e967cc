// What the page that tests a connection says in networks that let more or less through.
import { expect, type Resident, test } from "./fixtures.ts";

const UDP = "meta l4proto udp";
/** A firewall that lets only the web through, and looks into it: what begins like STUN is not TLS (its magic cookie, RFC 8489). */
const ALL_BUT_TLS = [UDP, 'iifname "lan" tcp dport != 443', "meta l4proto tcp @ih,32,32 0x2112a442"];
/** One of ten packets, on the way up as on the way down. */
const LOSSY = "meta l4proto udp numgen random mod 10 == 0";

const row = ({ tab }: Resident, name: string) => tab.page.getByRole("listitem", { name, exact: true });
const verdict = ({ tab }: Resident) => tab.page.getByRole("heading", { level: 2 }).first();
const report = ({ tab }: Resident) => tab.page.getByRole("textbox", { name: "Text of the report" });

/** The whole test, without camera and microphone. Browsers wait ten seconds for each server that does not answer. */
async function run(anna: Resident): Promise<void> {
  const { page } = anna.tab;
  await page.goto("https://meet.example.org/connection-test");
  await page.getByRole("switch", { name: "Camera and microphone too" }).uncheck();
  await page.getByRole("button", { name: "Start test" }).click();
  await expect(report(anna)).toBeVisible({ timeout: 90_000 });
}

async function expectStates(anna: Resident, states: Record<string, string>): Promise<void> {
  for (const [name, state] of Object.entries(states)) await expect(row(anna, name), name).toContainText(state);
}

test("a home like most: every way is open, TLS too", async ({ serve, anna }) => {
  await serve();
  await run(anna);
  await expectStates(anna, {
    "Connection to the server": "Works",
    "Direct connections": "Works",
    "Relay over UDP": "Works",
    "Relay over TCP": "Works",
    "Relay over TLS": "Works",
    "Speed and loss": "measured through the relay over UDP",
  });
  await expect(verdict(anna)).toHaveText("Calls will work here, directly.");
  const { outside } = anna.house.wifi;
  await expect(report(anna)).toHaveValue(/^Candidates: .*srflx udp IPv4.*relay udp IPv4.*relay tcp IPv4.*relay tls IPv4/m);
  expect(await report(anna).inputValue()).not.toContain(outside);
  await anna.tab.page.getByRole("checkbox", { name: "Include my public address" }).check();
  expect(await report(anna).inputValue()).toContain(`Public address: ${outside}\n`);
});

test("no UDP: over TCP, and what to ask for", async ({ serve, anna }) => {
  await serve();
  anna.house.wifi.stop(UDP);
  await run(anna);
  await expectStates(anna, {
    "Direct connections": "Blocked",
    "Relay over UDP": "Blocked",
    "Relay over TCP": "Works",
    "Relay over TLS": "Works",
    "Speed and loss": "measured through the relay over TCP",
  });
  await expect(verdict(anna)).toHaveText("Calls will work through the relay over TCP.");
  await expect(anna.tab.page.getByText("allows UDP to meet.example.org, port 443.").first()).toBeVisible();
});

test("TLS on 443 and nothing else: over TLS", async ({ serve, anna }) => {
  await serve();
  anna.house.wifi.stop(...ALL_BUT_TLS);
  await run(anna);
  await expectStates(anna, {
    "Relay over TCP": "Blocked",
    "Relay over TLS": "Works",
    "Speed and loss": "measured through the relay over TLS",
  });
  await expect(verdict(anna)).toHaveText("Calls will work through the relay over TLS.");
});

test("no UDP, and no relay", async ({ serve, anna }) => {
  await serve("--relay", "off");
  anna.house.wifi.stop(UDP);
  await run(anna);
  await expectStates(anna, { "Direct connections": "Blocked", "Relay over TLS": "Not offered", "Speed and loss": "Not measured" });
  await expect(verdict(anna)).toHaveText("Calls will work only with people in your own network.");
});

test("a line that loses every tenth packet each way", async ({ serve, anna }) => {
  await serve();
  anna.house.wifi.stop(LOSSY);
  await run(anna);
  const lost = Number(/([\d.]+) % lost/.exec(await row(anna, "Speed and loss").innerText())?.[1]);
  // 19 of a hundred, there and back. It is a matter of chance, and a few hundred messages are not many: what lies outside would come once
  // in thousands of runs. A busy machine loses some of its own.
  expect(lost).toBeGreaterThan(6);
  expect(lost).toBeLessThan(60);
  await expectStates(anna, { "Speed and loss": "Needs a look" });
  await expect(anna.tab.page.getByText("Much is lost on the way: expect pictures to freeze now and then.").first()).toBeVisible();
});
