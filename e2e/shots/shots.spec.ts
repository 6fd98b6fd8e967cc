// Pictures to look at, not to compare: `npm run shots` writes them to results/shots.
import { test } from "../harness/fixtures.ts";
import { blue, green, red } from "../harness/media.ts";
import { shoot } from "./shoot.ts";

test("pages of the site", async ({ site, server, people }) => {
  for (const [name, path] of [
    ["home", "/"],
    ["sign-up", "/signup"],
    ["log-in", "/login"],
    ["not-found", "/r/aaaa-aaaa-aaaa"],
  ] as const) {
    await site.goto(server.url + path);
    await shoot(site, name);
  }
  const anna = await people.bare("anna");
  await anna.signUp();
  await anna.newMeeting();
  for (const [name, path] of [
    ["home-member", "/"],
    ["rooms", "/rooms"],
    ["account", "/account"],
  ] as const) {
    await anna.tab.open(server.url + path);
    await shoot(anna.tab.page, name);
  }
});

test("a call", async ({ people }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const ben = await people.chromium("ben", { colour: green, hz: 660 });
  const chloe = await people.chromium("chloe", { colour: blue, hz: 880 });
  for (const person of [anna, ben, chloe]) await person.signUp();
  const link = await anna.newMeeting();
  await shoot(anna.tab.page, "pre-join");
  await anna.joinNow();
  await shoot(anna.tab.page, "call-alone");
  await ben.enter(link);
  await chloe.enter(link);
  await anna.seesColour("ben", green);
  await anna.seesColour("chloe", blue);
  await shoot(anna.tab.page, "call-three");
  await chloe.tab.press("button", "Camera");
  await ben.tab.press("button", "Raise hand");
  await ben.say("The build is green again");
  await chloe.say("Lovely, I'll share my screen for the last point");
  await anna.say("Thank you both!");
  await shoot(anna.tab.page, "call-chat");
  await anna.tab.press("button", "Chat");
  await anna.tab.press("button", "People");
  await shoot(anna.tab.page, "call-people");
  await anna.leave();
  await shoot(anna.tab.page, "call-left");
});
