// How people see what their connections are like: in a real call, and in the states that a healthy network does not show.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../harness/accessibility.ts";
import { expect, test } from "../harness/fixtures.ts";
import { green, red } from "../harness/media.ts";
import { Preview } from "../harness/preview.ts";

const NARROW = { width: 320, height: 640 };
const USUAL = { width: 1280, height: 800 };

const panelOf = (page: Page) => page.getByRole("complementary", { name: "Connection" });

/** Presses a key until something is focused. */
async function moveTo(page: Page, key: string, name: string): Promise<void> {
  const wanted = page.getByRole("button", { name, exact: true });
  for (let pressed = 0; pressed < 30; pressed++) {
    if (await wanted.evaluate((button) => button === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} does not lead to ${name}`);
}

/** A rate in words as kbit/s. */
function kbits(words: string): number {
  const [, value = "", unit] = /([\d.,]+)\s*([km])bit\/s/i.exec(words) ?? [];
  return Number(value.replaceAll(",", "")) * (unit?.toLowerCase() === "m" ? 1000 : 1);
}

test("the panel in a call, by keyboard", async ({ people, server }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 }, { permissions: ["clipboard-read", "clipboard-write"] });
  const ben = await people.chromium("ben", { colour: green, hz: 660 });
  for (const person of [anna, ben]) await person.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.enter(link);
  await anna.seesColour("ben", green);
  await expect(anna.tab.page.getByRole("listitem", { name: "ben", exact: true })).toContainText("Connection: good");

  const page = anna.tab.page;
  const panel = panelOf(page);
  const card = panel.getByRole("listitem", { name: "ben", exact: true });
  const number = async (name: string) =>
    card
      .locator("dl > div")
      .filter({ has: page.getByText(name, { exact: true }) })
      .locator("dd")
      .innerText();

  await test.step("opened from the settings", async () => {
    await page.getByRole("button", { name: "Microphone" }).focus();
    await moveTo(page, "ArrowRight", "Settings");
    await page.keyboard.press("Enter");
    await moveTo(page, "Tab", "Connection");
    await page.keyboard.press("Enter");
    await expect(panel).toBeVisible();
    await expect(page.getByRole("dialog")).toHaveCount(0);
    expect(await panel.evaluate((it) => it.contains(document.activeElement)), "the focus is in the panel").toBe(true);
  });

  await test.step("it says what the connection is like", async () => {
    await expect(card).toContainText("Direct");
    await expect(card).toContainText("Good");
    await expect.poll(async () => parseFloat(await number("Round trip")), { message: "round trip in ms" }).toBeGreaterThan(0);
    await expect.poll(async () => kbits(await number("In")), { message: "kbit/s in", timeout: 30_000 }).toBeGreaterThan(50);
    await expect.poll(async () => kbits(await number("Out")), { message: "kbit/s out", timeout: 30_000 }).toBeGreaterThan(50);
    expect(await number("Loss")).toMatch(/^\d+(\.\d)?%$/);
    await expect(panel.getByRole("img", { name: /^Last two minutes: in between .* out between / })).toHaveCount(1);
    expect(await card.locator("polyline").count(), "lines of the plot").toBeGreaterThanOrEqual(2);
    const upload = panel.getByRole("region", { name: "Your own side" });
    await expect(upload).toContainText("Connected");
    await expect.poll(async () => kbits(await upload.innerText()), { message: "upload in kbit/s" }).toBeGreaterThan(50);
    await expect(panel.getByRole("link", { name: /^Connection test/ })).toHaveAttribute("href", "/connection-test");
  });

  await test.step("its report is in the clipboard, without anybody's address", async () => {
    await moveTo(page, "Tab", "Copy report");
    await page.keyboard.press("Enter");
    await expect(page.getByText("The report is in your clipboard.")).toBeVisible();
    const report = await page.evaluate(() => navigator.clipboard.readText());
    expect(report).toMatch(/^Fireside connection report\n/);
    expect(report).toContain("ben: connected, Good\nDirect, round trip ");
    const list = /^In, kbit\/s, oldest first: (.*)$/m.exec(report)?.[1]?.split(" ") ?? [];
    expect(
      list.some((value) => Number(value) > 50),
      "what came in, over time",
    ).toBe(true);
    const code = new URL(link).pathname.split("/").at(-1) ?? "";
    expect(report).not.toContain(code);
    // A version may look like an address, and those of this server are known to everybody.
    const rest = report.replace(/^Browser: .*$/m, "").replace(/^(stun|turn)s?:.*$/gm, "");
    expect(rest).not.toMatch(/\b\d{1,3}(\.\d{1,3}){3}\b|[\da-f]*:[\da-f]*:[\da-f]+:[\da-f:]*|\.local\b/i);
  });

  await test.step("with assistive technology, and on a narrow screen", async () => {
    await expectAccessible(page, "connection panel");
    await page.setViewportSize(NARROW);
    await expectNoSidewaysScroll(page, "connection panel");
    await expect(panel.getByRole("button", { name: "Copy report" })).toBeInViewport({ ratio: 1 });
    await page.setViewportSize(USUAL);
  });

  await test.step("closed, the focus is back where it was opened", async () => {
    await expect(page.getByRole("button", { name: "Settings" })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(panel).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Settings" })).toBeFocused();
  });

  await test.step("it follows the call: without the server it says so, and goes on", async () => {
    await page.getByRole("button", { name: "Peer to peer" }).click();
    await page.getByRole("button", { name: "Connection", exact: true }).click();
    await server.kill();
    await expect(panel.getByRole("region", { name: "Your own side" })).toContainText("Reconnecting…");
    await expect(page.getByText("Reconnecting to the server… The call goes on meanwhile.")).toBeVisible();
    await expect(card).toContainText("Direct");
    await panel.getByRole("button", { name: "Close panel" }).click();
    await expect(page.getByRole("button", { name: "Peer to peer" })).toBeFocused();
  });
});

test("states of connections", async ({ people, watch }) => {
  const preview = await Preview.start();
  try {
    watch.allow(preview.url);
    const { page } = (await people.bare("ada")).tab;
    const enter = async (people: number, network: string) => {
      await page.goto(preview.call(people, network));
      await page.getByRole("button", { name: "Join now" }).click();
      await expect(page.getByRole("button", { name: "Leave" })).toBeVisible();
    };
    const tile = (name: string) => page.getByRole("list", { name: "Participants" }).getByRole("listitem", { name, exact: true });
    const check = async (state: string) => {
      await expectAccessible(page, state);
      await page.setViewportSize(NARROW);
      await expectNoSidewaysScroll(page, state);
      await page.setViewportSize(USUAL);
    };

    await test.step("one of each", async () => {
      await enter(6, "mixed");
      await expect(tile("Chloé Martin")).toContainText("Connection: good");
      await expect(tile("Chloé Martin").getByRole("button", { name: /^Connection/ })).toHaveCount(0);
      await expect(tile("Ben Okafor").getByRole("button", { name: "Connection: fair" })).toBeVisible();
      await expect(tile("Aiko Tanaka").getByRole("button", { name: "Connection: poor" })).toBeVisible();
      await expect(tile("Ruth Ben-David")).toContainText("Reconnecting…");
      await expect(tile("Ruth Ben-David").locator("video")).toBeVisible();
      await check("connections of every kind");
      await tile("Aiko Tanaka").getByRole("button", { name: "Connection: poor" }).click();
      const card = panelOf(page).getByRole("listitem", { name: "Aiko Tanaka" });
      await expect(card).toBeInViewport();
      await expect(card).toContainText("Through the relay, TLS");
      await check("connections of every kind, with the panel");
      await page.keyboard.press("Escape");
      await expect(tile("Aiko Tanaka").getByRole("button", { name: "Connection: poor" })).toBeFocused();
    });

    await test.step("nobody was ever reached", async () => {
      await enter(3, "failed");
      const words = tile("Chloé Martin").getByText(/Your network blocks UDP and TCP/);
      await expect(words).toBeVisible();
      const test = tile("Chloé Martin").getByRole("link", { name: "Connection test (opens in a new tab)" });
      await expect(test).toHaveAttribute("target", "_blank");
      await check("nobody was ever reached");
      await tile("Chloé Martin").getByRole("button", { name: "Try again" }).click();
      await expect(tile("Chloé Martin")).toContainText("Connecting…");
      await expect(words).toBeVisible();
    });

    await test.step("a tile that is too small for words leads to them", async () => {
      await page.setViewportSize(NARROW);
      await enter(7, "failed");
      await tile("Ben Okafor").getByRole("button", { name: "No connection" }).click();
      const card = panelOf(page).getByRole("listitem", { name: "Ben Okafor" });
      await expect(card).toContainText("nothing comes through from Ben Okafor");
      await expect(card.getByRole("button", { name: "Try again" })).toBeInViewport({ ratio: 1 });
      await page.setViewportSize(USUAL);
    });

    await test.step("everything is away", async () => {
      await enter(4, "lost");
      await expect(page.getByText("Your connection is interrupted. Reconnecting…")).toBeVisible();
      await check("everything is away");
    });
  } finally {
    await preview.close();
  }
});

test("a picture stays until the next is there", async ({ people, watch }) => {
  const preview = await Preview.start();
  try {
    watch.allow(preview.url);
    const { page } = (await people.bare("ada")).tab;
    await page.goto(preview.call(2, "good"));
    await page.getByRole("button", { name: "Join now" }).click();
    const tile = page.getByRole("list", { name: "Participants" }).getByRole("listitem", { name: "Chloé Martin", exact: true });
    await expect.poll(() => page.evaluate(() => window.probe.pixel("Chloé Martin")), { message: "a picture" }).not.toBeNull();

    // Looks at every frame, from now on.
    await page.evaluate(() => {
      const seen = { frames: 0, without: 0 };
      const look = () => {
        seen.frames += 1;
        if (window.probe.pixel("Chloé Martin") === null) seen.without += 1;
        requestAnimationFrame(look);
      };
      look();
      Object.assign(globalThis, { seen });
    });
    const looks = async (more: number) => {
      const frames = () => page.evaluate(() => (globalThis as unknown as Mocked).seen.frames);
      const before = await frames();
      await expect.poll(frames, { message: "frames looked at" }).toBeGreaterThan(before + more);
    };
    // The way is interrupted, then built anew: the track is gone, and another comes later.
    await page.evaluate(() => (globalThis as unknown as Mocked).room.interrupt(0));
    await expect(tile).toContainText("Reconnecting…");
    await expect(tile.locator("video")).toBeVisible();
    await looks(5);
    await page.evaluate(() => (globalThis as unknown as Mocked).room.restore(0));
    await expect(tile).not.toContainText("Reconnecting…");
    await expect(tile.locator("video")).toHaveCount(1);
    await looks(5);
    expect(await page.evaluate(() => (globalThis as unknown as Mocked).seen.without), "frames without a picture").toBe(0);
  } finally {
    await preview.close();
  }
});

interface Mocked {
  seen: { frames: number; without: number };
  room: { interrupt(index: number): void; restore(index: number): void };
}
