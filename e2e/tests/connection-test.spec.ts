// The page that tests a connection, against the real server and its relay.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../harness/accessibility.ts";
import { expect, test } from "../harness/fixtures.ts";
import { red } from "../harness/media.ts";
import { Server } from "../harness/server.ts";

const NARROW = { width: 320, height: 640 };
const USUAL = { width: 1280, height: 800 };
/** Browsers wait ten seconds for a server that does not answer. */
const WITHIN = { timeout: 90_000 };

const row = (page: Page, name: string) => page.getByRole("listitem", { name, exact: true });
const start = (page: Page) => page.getByRole("button", { name: "Start test" });
const verdict = (page: Page) => page.getByRole("heading", { level: 2 }).first();
const report = (page: Page) => page.getByRole("textbox", { name: "Text of the report" });

/** Waits for the end of a test: the report is there. */
async function ended(page: Page): Promise<void> {
  await expect(report(page)).toBeVisible(WITHIN);
}

async function check(page: Page, state: string): Promise<void> {
  await expectAccessible(page, state);
  await page.setViewportSize(NARROW);
  await expectNoSidewaysScroll(page, state);
  await page.setViewportSize(USUAL);
}

test("every test gets its result, the last sentence sums up, and the report can be copied", async ({ people }) => {
  const anna = await people.chromium(
    "anna",
    { colour: red, hz: 440 },
    { permissions: ["camera", "microphone", "clipboard-read", "clipboard-write"] },
  );
  const { page } = anna.tab;
  await anna.signUp();
  await anna.newMeeting();
  await page.getByRole("link", { name: "Test your connection" }).click();
  await check(page, "before the test");

  await start(page).click();
  await ended(page);
  await expect(row(page, "Camera")).toContainText(/Works.*Others will see you\. \(\d+ × \d+\)/s);
  await expect(row(page, "Microphone")).toContainText(/Works.*We hear you/s);
  for (const name of ["Connection to the server", "Relay over UDP", "Relay over TCP"]) {
    await expect(row(page, name)).toContainText(/Works.*There and back in \d+ ms\./s);
  }
  await expect(row(page, "Direct connections")).toContainText(/Works.*UDP gets out of your network and back/s);
  await expect(row(page, "Relay over TLS")).toContainText(/Not offered.*no TLS relay of its own/s);
  await expect(row(page, "Speed and loss")).toContainText(/[\d,]+ kbit\/s each way, [\d.]+ % lost \(measured through the relay over UDP\)/);
  await expect(verdict(page)).toHaveText("Calls will work here, directly.");
  await expect(page.locator("video")).toHaveCount(0);
  await check(page, "after the test");

  await page.getByRole("button", { name: "Copy report" }).click();
  await expect(page.getByText("The report is in your clipboard.")).toBeVisible();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).toMatch(/^Connection test\nServer: localhost:\d+\nTime: .* UTC\nBrowser: Chrome \d+, Linux\n/);
  expect(text).toMatch(/^Relay over TCP: Works\. There and back in \d+ ms\.$/m);
  expect(text).toMatch(/^Candidates: .*relay udp.*relay tcp/m);
  expect(text).toMatch(/^Result: Calls will work here, directly\./m);
  expect(text, "no address, no credential").not.toMatch(/\d+\.\d+\.\d+\.\d+|~test|Public address/);
  await page.getByRole("checkbox", { name: "Include my public address" }).check();
  await expect(report(page)).toHaveValue(/^Public address: /m);
});

test("what the relay measures is what went through it", async ({ people, server }) => {
  const anna = await people.bare("anna");
  const { page } = anna.tab;
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST") asked.push(request.url());
  });
  await page.goto(`${server.url}/connection-test`);
  await page.getByRole("switch", { name: "Camera and microphone too" }).uncheck();
  await start(page).click();
  await ended(page);
  const figure = async () => Number(/([\d,]+) kbit/.exec(await row(page, "Speed and loss").innerText())?.[1]?.replaceAll(",", ""));
  expect(await figure(), "kbit/s on a machine that talks with itself").toBeGreaterThan(500);
  await expect(row(page, "Camera")).toContainText("Skipped");
  await expect(row(page, "Microphone")).toContainText("Skipped");

  await page.getByRole("button", { name: "Test again: Relay over TCP" }).click();
  await expect(row(page, "Relay over TCP")).toContainText("Testing…");
  await ended(page);
  await expect(row(page, "Relay over TCP")).toContainText("Works");
  await expect(verdict(page)).toHaveText("Calls will work here, directly.");
  expect(asked, "credentials are asked for once, and not in the address").toEqual([`${server.url}/connection-test/servers`]);
});

test("a relay that is off is said to be", async ({ people, watch }) => {
  const server = await Server.start("--relay", "off");
  try {
    watch.allow(server.url);
    const anna = await people.bare("anna", { home: server.url });
    const { page } = anna.tab;
    await page.goto(`${server.url}/connection-test`);
    await page.getByRole("switch", { name: "Camera and microphone too" }).uncheck();
    await start(page).click();
    await ended(page);
    for (const name of ["Relay over UDP", "Relay over TCP", "Relay over TLS"]) await expect(row(page, name)).toContainText("Not offered");
    await expect(row(page, "Speed and loss")).toContainText(/Not measured.*this server has none/s);
    await expect(verdict(page)).toHaveText("Calls will work here with most people.");
  } finally {
    await server.stop();
  }
});

test("by keyboard alone, with devices that are not there and one that is not waited for", async ({ people, server }) => {
  const anna = await people.bare("anna");
  const { page } = anna.tab;
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(`${server.url}/connection-test`);
  const focused = () => page.evaluate(() => document.activeElement?.ariaLabel ?? document.activeElement?.textContent);
  const tabTo = async (name: string) => {
    for (let press = 0; press < 30 && (await focused()) !== name; press++) await page.keyboard.press("Tab");
    expect(await focused()).toBe(name);
  };
  await tabTo("Start test");
  await page.keyboard.press("Enter");
  await ended(page);
  expect(await focused(), "the focus stays where it was").toBe("Test again");
  await expect(row(page, "Camera")).toContainText(/Not working.*No camera was found/s);
  await expect(row(page, "Microphone")).toContainText(/Not working.*No microphone was found/s);
  await expect(page.getByText("Your camera needs a look, or others will not see you.").first()).toBeVisible();
  await check(page, "devices are missing");
  // What was said last, to those who do not see it.
  await expect(page.getByRole("status").filter({ hasText: "Calls will work here, directly." })).toHaveCount(1);

  // A browser that asks, and a person who does not answer.
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => new Promise(() => undefined);
  });
  await tabTo("Test again: Camera");
  await page.keyboard.press("Enter");
  await expect(row(page, "Camera")).toContainText("Please allow your browser to use the camera");
  await check(page, "the browser asks for the camera");
  await tabTo("Skip: Camera");
  await page.keyboard.press("Enter");
  await expect(row(page, "Camera")).toContainText("Skipped");
  await tabTo("Copy report");
});

test("a server that is not there, and one that was asked too often", async ({ people, server }) => {
  const anna = await people.bare("anna");
  const { page } = anna.tab;
  await page.goto(`${server.url}/connection-test`);
  await page.getByRole("switch", { name: "Camera and microphone too" }).uncheck();
  await page.route("**/connection-test/servers", (route) => route.fulfill({ status: 429, headers: { "retry-after": "90" } }));
  await start(page).click();
  await expect(verdict(page)).toHaveText("That was often for now. Please try again in 2 minutes.");
  await page.unroute("**/connection-test/servers");
  await server.kill();
  await page.getByRole("button", { name: "Test again", exact: true }).click();
  await expect(verdict(page)).toHaveText("The server did not answer. Check your internet connection, then try again.");
  await check(page, "no server");
});

test("a network that stops WebSocket connections and the relay", async ({ people, server }) => {
  const anna = await people.bare("anna");
  const { page } = anna.tab;
  await page.addInitScript(() => {
    // As a browser sees a network that swallows what is sent: nothing comes back, to a WebSocket as to a candidate.
    const dead = "192.0.2.1:9";
    const { WebSocket, RTCPeerConnection } = window;
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL) {
        super(String(url).replace("/socket", "/swallowed"));
      }
    };
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration: RTCConfiguration = {}) {
        const at = (url: string) => url.replace(/(?<=^\w+:)[^?]+/, dead);
        const iceServers = configuration.iceServers?.map((one) => ({ ...one, urls: [one.urls].flat().map(at) }));
        super({ ...configuration, ...(iceServers && { iceServers }) });
      }
    };
  });
  await page.goto(`${server.url}/connection-test`);
  await page.getByRole("switch", { name: "Camera and microphone too" }).uncheck();
  await start(page).click();
  await ended(page);
  for (const name of ["Connection to the server", "Direct connections", "Relay over UDP", "Relay over TCP"]) {
    await expect(row(page, name)).toContainText("Blocked");
  }
  await expect(row(page, "Speed and loss")).toContainText("Not measured");
  await expect(verdict(page)).toHaveText("Calls will not work here.");
  await expect(page.getByText("Something between you and the server stops WebSocket connections.").first()).toBeVisible();
  await check(page, "all is blocked");
});

test("from right to left, and without JavaScript", async ({ people, server, shared }) => {
  const anna = await people.bare("anna");
  const { page } = anna.tab;
  await page.goto(`${server.url}/connection-test`);
  await expect(start(page)).toBeVisible();
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  for (const size of [NARROW, USUAL]) {
    await page.setViewportSize(size);
    await expectNoSidewaysScroll(page, `right to left at ${size.width} px`);
  }
  const context = await shared.newContext({ javaScriptEnabled: false });
  const without = await context.newPage();
  await without.goto(`${server.url}/connection-test`);
  await expect(without.locator("noscript p")).toBeVisible();
  await context.close();
});
