// Every page and every state of a call: for those who use assistive technology, on the narrowest screen, with names of any kind.
import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../harness/accessibility.ts";
import { expect, test } from "../harness/fixtures.ts";
import { green, red } from "../harness/media.ts";

const NARROW = { width: 320, height: 640 };
const USUAL = { width: 1280, height: 800 };

/** axe at the usual size, then nothing may stick out at 320 px. */
async function check(page: Page, state: string): Promise<void> {
  await expectAccessible(page, state);
  await page.setViewportSize(NARROW);
  await expectNoSidewaysScroll(page, state);
  await page.setViewportSize(USUAL);
}

test("pages of the site", async ({ site, server, people }) => {
  for (const path of ["/", "/signup", "/login", "/r/aaaa-aaaa-aaaa", "/no-such-page"]) {
    await site.goto(server.url + path);
    await check(site, path);
  }
  await site.goto(`${server.url}/signup`);
  await site.getByRole("textbox", { name: "Username" }).fill("a b");
  await site.getByRole("textbox", { name: "Email" }).fill("nobody@example.org");
  await site.getByRole("textbox", { name: "Password", exact: true }).fill("12345678");
  await site.getByRole("textbox", { name: "Confirm password" }).fill("87654321");
  await site.getByRole("button", { name: "Sign up" }).click();
  await expect(site.locator("[aria-invalid=true]").first()).toBeVisible();
  await check(site, "sign-up with mistakes");

  const anna = await people.bare("anna");
  await anna.signUp();
  await anna.newMeeting();
  for (const path of ["/", "/rooms", "/account"]) {
    await anna.tab.open(server.url + path);
    await check(anna.tab.page, `${path}, signed in`);
  }
});

test("states of a call", async ({ people }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const ben = await people.chromium("ben", { colour: green, hz: 660 });
  const page = anna.tab.page;
  await anna.signUp();
  const link = await anna.newMeeting();
  await check(page, "pre-join");
  await anna.joinNow();
  await check(page, "alone");

  await ben.follow(link);
  await check(ben.tab.page, "pre-join of a guest");
  await ben.tab.fill("textbox", "Your name", "ben");
  await ben.joinNow();
  await anna.seesColour("ben", green);
  await check(page, "two people");

  await ben.tab.press("button", "Camera");
  await ben.tab.press("button", "Raise hand");
  await anna.tab.press("button", "Microphone");
  await expect(page.getByRole("listitem", { name: "ben" }).first()).toContainText(/hand/i);
  await check(page, "muted, camera off, hand raised");

  await ben.say("Have you seen https://example.org?");
  await anna.say("Not yet");
  await ben.reads("Not yet");
  await check(page, "chat");
  await anna.tab.press("button", "Chat");
  await anna.tab.press("button", "People");
  await check(page, "people");
  await anna.tab.press("button", "People");

  await anna.leave();
  await check(page, "left");
});

test("the server is away", async ({ people, server }) => {
  const anna = await people.bare("anna");
  await anna.signUp();
  await anna.newMeeting();
  await anna.joinNow();
  await server.kill();
  await expect(anna.tab.page.getByText(/reconnecting/i).first()).toBeVisible();
  await check(anna.tab.page, "reconnecting");
});

test("names of any length and direction", async ({ people }) => {
  const long = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the 3rd";
  const names = ["מרים בן־דוד", "عبد الرحمن", "👩🏽‍🚀 Ada", long.slice(0, 60)];
  const anna = await people.bare("anna");
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  for (const name of names) {
    const guest = await people.bare(name);
    await guest.follow(link);
    await guest.tab.fill("textbox", "Your name", name);
    await guest.joinNow();
  }
  await anna.seesPeople(...names);
  const page = anna.tab.page;
  for (const size of [NARROW, { width: 740, height: 360 }, USUAL]) {
    await page.setViewportSize(size);
    await expectNoSidewaysScroll(page, `long names at ${size.width} px`);
    await expect(page.getByRole("button", { name: "Leave" })).toBeInViewport({ ratio: 1 });
  }
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  await expectNoSidewaysScroll(page, "right to left");
  await expect(page.getByRole("button", { name: "Leave" })).toBeInViewport({ ratio: 1 });
});
