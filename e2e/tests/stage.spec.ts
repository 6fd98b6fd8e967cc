// The stage of a large room: pages, who comes to the front, what is pinned, and what the room is told of it. With the preview page,
// whose mock stands in for a room of many people.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../harness/accessibility.ts";
import { expect, test } from "../harness/fixtures.ts";
import { Preview } from "../harness/preview.ts";

const USUAL = { width: 1280, height: 800 };
const NARROW = { width: 320, height: 640 };
const PHONE = { width: 390, height: 844 };

interface Sight {
  id: string;
  source: string;
  height: number;
  pinned?: boolean;
}

interface Room {
  participants: { id: string; name: string; change(changes: object): void }[];
  sights: Sight[] | null;
  speaks(person: Room["participants"][number]): void;
  sound(count: number): void;
  travel(route: object): void;
}

let preview: Preview;
test.beforeAll(async () => void (preview = await Preview.start()));
test.afterAll(() => preview.close());

const list = (page: Page) => page.getByRole("list", { name: "Participants" });
const tiles = (page: Page) => list(page).getByRole("listitem");
const tile = (page: Page, name: string) => list(page).getByRole("listitem", { name, exact: true });
const namesOf = (page: Page) => tiles(page).evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? ""));
const sights = (page: Page) => page.evaluate(() => (globalThis as unknown as { room: Room }).room.sights ?? []);
const settled = (page: Page) => expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();

async function enter(page: Page, people: number, more = ""): Promise<void> {
  await page.goto(preview.call(people, "good", more));
  await page.getByRole("button", { name: "Join now" }).click();
  await expect(page.getByRole("button", { name: "Leave" })).toBeVisible();
}

test("pages, by buttons, keys and fingers", async ({ people, watch }) => {
  watch.allow(preview.url);
  const { page } = (await people.bare("ada", { viewport: USUAL })).tab;

  await test.step("two hundred people are pages of tiles, and nothing else has a picture", async () => {
    await enter(page, 200, "&cameras=20");
    await settled(page);
    await expect(page.getByRole("status").filter({ hasText: "Page 1 of" })).toHaveCount(1);
    const shown = await tiles(page).count();
    expect(shown).toBeGreaterThan(8);
    expect(shown).toBeLessThanOrEqual(25);
    await expect(page.locator("video")).toHaveCount(shown);
    // Those with a camera are the ones to see.
    await expect.poll(async () => (await sights(page)).length).toBeGreaterThanOrEqual(shown - 4);
    await expect(tiles(page).last()).toHaveAccessibleName("Ada Lovelace");
    // She speaks, and has no camera.
    await expect(tile(page, "Chloé Martin")).toBeVisible();
  });

  await test.step("the buttons, and Page Up and Page Down", async () => {
    const first = await namesOf(page);
    await page.getByRole("button", { name: "Next page" }).click();
    await expect(page.getByText("Page 2 of")).toHaveCount(1);
    const second = await namesOf(page);
    expect(second.filter((name) => first.includes(name))).toEqual(["Ada Lovelace"]);
    await page.keyboard.press("PageDown");
    await expect(page.getByText("Page 3 of")).toHaveCount(1);
    await page.keyboard.press("PageUp");
    await page.keyboard.press("ArrowLeft");
    await expect(page.getByText("Page 1 of")).toHaveCount(1);
    expect(await namesOf(page)).toEqual(first);
    await page.keyboard.press("PageUp");
    await expect(page.getByText("Page 1 of")).toHaveCount(1);
    await expect(page.getByRole("button", { name: "Previous page" })).toHaveAttribute("aria-disabled", "true");
  });

  await test.step("what is out of sight is not asked for", async () => {
    await page.keyboard.press("PageDown");
    const shown = await namesOf(page);
    await expect.poll(async () => (await sights(page)).every(({ id }) => shown.includes(id))).toBe(true);
    await page.keyboard.press("PageUp");
    await expect.poll(async () => (await sights(page)).length).toBeGreaterThan(8);
  });

  await test.step("a finger", async () => {
    await page.setViewportSize(PHONE);
    await expect(tiles(page)).toHaveCount(8);
    await swipe(page, -160);
    await expect(page.getByText("Page 2 of")).toHaveCount(1);
    await swipe(page, 160);
    await expect(page.getByText("Page 1 of")).toHaveCount(1);
    await swipe(page, 20);
    await expect(page.getByText("Page 1 of")).toHaveCount(1);
    await page.evaluate(() => (document.documentElement.dir = "rtl"));
    await swipe(page, 160);
    await expect(page.getByText("Page 2 of")).toHaveCount(1);
    await page.evaluate(() => (document.documentElement.dir = "ltr"));
  });

  await test.step("on small windows, too", async () => {
    await page.setViewportSize(NARROW);
    await expectNoSidewaysScroll(page, "two hundred people");
    await expectAccessible(page, "two hundred people, narrow");
    await page.setViewportSize(USUAL);
    await expectAccessible(page, "two hundred people");
  });

  await test.step("eight need no pages, whatever the window", async () => {
    await page.setViewportSize(NARROW);
    await enter(page, 8);
    await expect(tiles(page)).toHaveCount(8);
    await expect(page.getByRole("navigation", { name: "Pages" })).toHaveCount(0);
    await page.setViewportSize(USUAL);
  });
});

test("who speaks comes to the front, and nobody else moves", async ({ people, watch }) => {
  watch.allow(preview.url);
  const { page } = (await people.bare("ada", { viewport: USUAL })).tab;
  await enter(page, 50);
  await settled(page);
  const before = await namesOf(page);
  const speaker = await page.evaluate((shown) => {
    const { room } = globalThis as unknown as { room: Room };
    const hidden = room.participants.filter(({ name }) => !shown.includes(name)).at(-1);
    if (hidden) room.speaks(hidden);
    return hidden?.name ?? "";
  }, before);
  await expect(tile(page, speaker)).toBeVisible();
  const after = await namesOf(page);
  expect(after.filter((name, index) => name !== before[index])).toEqual([speaker]);

  await test.step("a raised hand does, too", async () => {
    const raised = await page.evaluate((shown) => {
      const hidden = (globalThis as unknown as { room: Room }).room.participants.find(({ name }) => !shown.includes(name));
      hidden?.change({ handRaisedAt: 5 });
      return hidden?.name ?? "";
    }, after);
    await expect(tile(page, raised)).toContainText("Hand raised");
  });

  await test.step("what is heard does not depend on who is seen", async () => {
    await page.evaluate(() => (globalThis as unknown as { room: Room }).room.sound(3));
    const audio = await page.locator("audio").elementHandles();
    expect(audio).toHaveLength(3);
    await page.keyboard.press("PageDown");
    await expect(page.getByText("Page 2 of")).toHaveCount(1);
    await page.evaluate(() => (globalThis as unknown as { room: Room }).room.sound(2));
    await expect(page.locator("audio")).toHaveCount(2);
    for (const [index, element] of audio.entries()) expect(await element.evaluate((one) => one.isConnected)).toBe(index < 2);
  });
});

test("a pinned tile is large, by keyboard", async ({ people, watch }) => {
  watch.allow(preview.url);
  const { page } = (await people.bare("ada", { viewport: USUAL })).tab;
  await enter(page, 30);
  await settled(page);
  const [first = "", second = ""] = await namesOf(page);
  const pin = (name: string) => page.getByRole("button", { name: `Pin ${name}`, exact: true });

  for (let presses = 0; presses < 30 && !(await pin(first).evaluate((it) => it === document.activeElement)); presses++)
    await page.keyboard.press("Tab");
  await expect(pin(first)).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(pin(second)).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(pin(second)).toHaveAttribute("aria-pressed", "true");
  const width = (name: string) => tile(page, name).evaluate((one) => one.clientWidth);
  await expect.poll(async () => (await width(second)) / (await width(first))).toBeGreaterThan(3);
  await expect.poll(async () => (await sights(page))[0]).toMatchObject({ id: second, pinned: true });
  await expectAccessible(page, "somebody pinned");
  await page.setViewportSize(NARROW);
  await expectNoSidewaysScroll(page, "somebody pinned");
  await page.setViewportSize(USUAL);
  await page.keyboard.press("Enter");
  await expect(pin(second)).toHaveAttribute("aria-pressed", "false");
  await expect.poll(async () => (await width(second)) - (await width(first))).toBe(0);
});

test("how media travels, and pictures that are held back", async ({ people, watch }) => {
  watch.allow(preview.url);
  const { page } = (await people.bare("ada", { viewport: USUAL })).tab;
  await enter(page, 5, "&held=2&screens=1");
  await expect(page.getByRole("figure", { name: "Screen of Chloé Martin" })).toContainText("Picture paused: slow connection");
  await expect(tile(page, "Chloé Martin")).toContainText("Picture paused: slow connection");
  await expect(tile(page, "Ben Okafor")).toContainText("Picture paused: the server is busy");
  await expect(tile(page, "Chloé Martin").locator("video")).toBeHidden();
  await expectAccessible(page, "pictures held back");
  const mark = page.getByRole("button", { name: "Peer to peer", exact: true });
  await mark.click();
  await expect(page.getByText(/from person to person, encrypted/)).toBeVisible();
  await page.evaluate(() =>
    (globalThis as unknown as { room: Room }).room.travel({ topology: "server", changing: true, reason: "strained" }),
  );
  await expect(page.getByRole("button", { name: "Through the server", exact: true })).toBeVisible();
  await expect(page.getByText(/encrypted, from each of you to this server/)).toBeVisible();
  await expect(page.getByText(/too much for a line or a device/)).toBeVisible();
  await expect(page.getByText(/Nothing is interrupted/)).toBeVisible();
  await expectAccessible(page, "through the server");
  // It is said there, and nowhere else.
  await expect(page.getByRole("status").filter({ hasText: /server/i })).toHaveCount(0);

  await test.step("of fifty people who come through the server there is one connection to be shown", async () => {
    await enter(page, 50);
    await page.getByRole("button", { name: "Through the server", exact: true }).click();
    await page.getByRole("button", { name: "Connection", exact: true }).click();
    const cards = page.getByRole("list", { name: "Connections to the others" }).getByRole("listitem");
    await expect(cards).toHaveCount(1);
    await expect(cards).toHaveAccessibleName("Through the server");
    await expectAccessible(page, "the connection panel of a large room");
  });
});

test("people of a large room are found by name", async ({ people, watch }) => {
  watch.allow(preview.url);
  const { page } = (await people.bare("ada", { viewport: USUAL })).tab;
  await enter(page, 200);
  await page.getByRole("button", { name: "People", exact: true }).click();
  const everyone = page.getByRole("list", { name: "People in this call" }).getByRole("listitem");
  await expect(everyone).toHaveCount(200);
  await expectAccessible(page, "the list of two hundred people");
  await page.getByRole("searchbox", { name: "Search people" }).fill("chloe");
  await expect(everyone).toHaveCount(1);
  await expect(everyone).toContainText("Chloé Martin");
  await page.getByRole("searchbox", { name: "Search people" }).fill("nobody of this name");
  await expect(page.getByText("Nobody here is called that.")).toBeVisible();

  await test.step("a panel that covers the stage: after a while nothing behind it is wanted", async () => {
    expect((await sights(page)).length).toBeGreaterThan(0);
    await page.setViewportSize(PHONE);
    await expect.poll(async () => (await sights(page)).length, { timeout: 30_000 }).toBe(0);
    await page.getByRole("button", { name: "Close panel" }).click();
    await expect.poll(async () => (await sights(page)).length).toBeGreaterThan(0);
  });
});

/** A finger across the stage, `across` pixels. */
async function swipe(page: Page, across: number): Promise<void> {
  await list(page).evaluate((element, across) => {
    const event = (type: string, x: number) =>
      element.dispatchEvent(
        new PointerEvent(type, { bubbles: true, pointerType: "touch", isPrimary: true, pointerId: 7, clientX: x, clientY: 300 }),
      );
    event("pointerdown", 200);
    event("pointerup", 200 + across);
  }, across);
}
