// From the first page into a call: with the keyboard alone, as a guest, and when the meeting is full.
import type { Page } from "@playwright/test";
import { type People, expect, test } from "../harness/fixtures.ts";
import { green, red } from "../harness/media.ts";
import { PASSWORD } from "../harness/person.ts";

/** Moves the focus to the element of this role and name as somebody without a mouse does: with Tab, and within a toolbar with the arrows. */
async function reach(page: Page, role: "link" | "button" | "textbox", name: string): Promise<void> {
  const target = page.getByRole(role, { name, exact: true });
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 60; presses++) {
    const at = await target.evaluate((it) => {
      if (it === document.activeElement) return "there";
      const bar = it.closest("[role=toolbar]");
      return bar?.contains(document.activeElement) ? "in the toolbar" : "elsewhere";
    });
    if (at === "there") return;
    await page.keyboard.press(at === "in the toolbar" ? "ArrowRight" : "Tab");
  }
  throw new Error(`the keyboard does not reach the ${role} "${name}"`);
}

test("from sign-up to a call with the keyboard alone", async ({ people, server }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const page = anna.tab.page;
  await page.goto(server.url);
  await reach(page, "link", "Sign up");
  await page.keyboard.press("Enter");

  for (const [field, text] of [
    ["Username", "anna"],
    ["Email", "anna@example.org"],
    ["Password", PASSWORD],
    ["Confirm password", PASSWORD],
  ] as const) {
    await reach(page, "textbox", field);
    await page.keyboard.type(text);
  }
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Log out" })).toBeVisible();

  if ((await page.getByRole("button", { name: "New meeting" }).count()) === 0) await page.goto(server.url);
  await reach(page, "button", "New meeting");
  await page.keyboard.press("Enter");
  await reach(page, "button", "Camera");
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Camera", exact: true })).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.press("Space");
  await reach(page, "button", "Join now");
  await page.keyboard.press("Enter");

  await reach(page, "button", "Microphone");
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Microphone", exact: true })).toHaveAttribute("aria-pressed", "false");
  await reach(page, "button", "Chat");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("log", { name: "Messages" })).toBeVisible();
  await reach(page, "textbox", "Message");
  await page.keyboard.type("written without a mouse");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("log", { name: "Messages" })).toContainText("written without a mouse");
  await reach(page, "button", "Leave");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.evaluate(() => window.probe.people())).toEqual([]);
});

test("a guest comes with the link and gives a name", async ({ people }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const guest = await people.chromium("Zoë from next door", { colour: green, hz: 660 });
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();

  await guest.follow(link);
  await expect(guest.tab.page.getByRole("button", { name: "Microphone", exact: true })).toHaveAttribute("aria-pressed", "true");
  await guest.tab.press("button", "Join now");
  await expect(guest.tab.page.getByRole("button", { name: "Leave" })).toHaveCount(0);
  await guest.tab.fill("textbox", "Your name", guest.name);
  await guest.joinNow();
  await anna.seesColour(guest.name, green);
  await guest.seesColour("anna", red);
  await anna.hears(guest.name, 660);
  await guest.say("Thanks for having me");
  await anna.reads("Thanks for having me");
});

test("somebody with neither camera nor microphone joins", async ({ people }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const quiet = await people.bare("quiet");
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await quiet.follow(link);
  await quiet.tab.fill("textbox", "Your name", "quiet");
  await quiet.joinNow();
  await quiet.seesColour("anna", red);
  await quiet.hears("anna", 440);
  await anna.seesPeople("quiet");
  await quiet.say("I can only listen");
  await anna.reads("I can only listen");
});

test.describe("a server of small meetings", () => {
  test.use({ settings: "--people 8" });

  test("the ninth is told that the meeting is full", async ({ people }) => {
    const anna = await people.bare("anna");
    await anna.signUp();
    const link = await anna.newMeeting();
    await anna.joinNow();
    for (let number = 2; number <= 8; number++) await joinAsGuest(people, `guest ${number}`, link);
    await anna.seesPeople(...[2, 3, 4, 5, 6, 7, 8].map((number) => `guest ${number}`));

    const ninth = await people.bare("guest 9");
    await ninth.follow(link);
    await ninth.tab.fill("textbox", "Your name", "guest 9");
    await ninth.tab.press("button", "Join now");
    await expect(ninth.tab.page.getByText(/full/i).first()).toBeVisible();
    await expect(ninth.tab.page.getByRole("button", { name: "Leave" })).toHaveCount(0);
    await anna.seesPeople(...[2, 3, 4, 5, 6, 7, 8].map((number) => `guest ${number}`));
  });
});

async function joinAsGuest(people: People, name: string, link: string) {
  const guest = await people.bare(name);
  await guest.follow(link);
  await guest.tab.fill("textbox", "Your name", name);
  await guest.joinNow();
  return guest;
}
