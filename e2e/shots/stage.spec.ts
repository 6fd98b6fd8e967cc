// Pictures of rooms of every size, from a phone that is small to a wall that is not: from the preview page.
import type { Page } from "@playwright/test";
import { expect, test } from "../harness/fixtures.ts";
import { green } from "../harness/media.ts";
import { Preview } from "../harness/preview.ts";
import { shoot } from "./shoot.ts";

const SIZES = [
  { width: 320, height: 640 },
  { width: 390, height: 844 },
  { width: 844, height: 390 },
  { width: 1280, height: 800 },
  { width: 3840, height: 2160 },
];

test("rooms", async ({ people, watch }) => {
  const preview = await Preview.start();
  try {
    watch.allow(preview.url);
    const { page } = (await people.chromium("Ada Lovelace", { colour: green, hz: 440 })).tab;
    for (const { name, people, more = "", then } of STATES) {
      await page.goto(preview.call(people, "good", more));
      if (more.includes("rtl")) await page.evaluate(() => (document.documentElement.dir = "rtl"));
      await page.getByRole("button", { name: "Join now" }).click();
      await expect(page.getByRole("button", { name: "Leave" })).toBeVisible();
      // By then whoever speaks is on the first page.
      if (people > 8) await expect(page.getByRole("listitem", { name: "Chloé Martin", exact: true })).toBeVisible();
      await then?.(page);
      await shoot(page, name, SIZES);
    }
  } finally {
    await preview.close();
  }
});

interface State {
  name: string;
  people: number;
  more?: string;
  then?: (page: Page) => Promise<void>;
}

const press = (name: string) => (page: Page) => page.getByRole("button", { name, exact: true }).click();

const STATES: State[] = [
  { name: "stage-5", people: 5 },
  { name: "stage-25", people: 25, more: "&cameras=24" },
  { name: "stage-50", people: 50 },
  { name: "stage-200", people: 200, more: "&cameras=20" },
  { name: "stage-50-page-2", people: 50, then: (page) => page.keyboard.press("PageDown") },
  { name: "stage-50-rtl", people: 50, more: "&cameras=49&held=6&rtl" },
  { name: "stage-held", people: 12, more: "&cameras=12&held=6" },
  { name: "stage-pinned", people: 50, then: press("Pin Ben Okafor") },
  { name: "stage-screen", people: 50, more: "&screens=1" },
  { name: "stage-screens-pinned", people: 30, more: "&screens=2", then: press("Pin Screen of Ben Okafor") },
  { name: "stage-route", people: 6, more: "&route=server&reason=unreachable&changing", then: press("Through the server") },
  { name: "stage-people", people: 200, then: press("People") },
];
