// Pictures of connections of every kind, which a real call does not show when one would like to see them: from the preview page.
import { expect, test } from "../harness/fixtures.ts";
import { green } from "../harness/media.ts";
import { Preview } from "../harness/preview.ts";
import { shoot } from "./shoot.ts";

test("connections", async ({ people, watch }) => {
  const preview = await Preview.start();
  try {
    watch.allow(preview.url);
    const { page } = (await people.chromium("Ada Lovelace", { colour: green, hz: 440 })).tab;
    for (const { name, people, network, more = "", panel = false, rtl = false } of STATES) {
      await page.goto(preview.call(people, network, more));
      if (rtl) await page.evaluate(() => (document.documentElement.dir = "rtl"));
      await page.getByRole("button", { name: "Join now" }).click();
      await expect(page.getByRole("button", { name: "Leave" })).toBeVisible();
      if (panel) {
        await page.getByRole("button", { name: "Peer to peer" }).click();
        await page.getByRole("button", { name: "Connection", exact: true }).click();
        await expect(page.getByRole("button", { name: "Copy report" })).toBeVisible();
      }
      if (network === "failed") await expect(page.getByText(/^Your network blocks/).first()).toBeVisible();
      await shoot(page, name);
    }
  } finally {
    await preview.close();
  }
});

interface State {
  name: string;
  people: number;
  network: string;
  more?: string;
  panel?: boolean;
  rtl?: boolean;
}

const STATES: State[] = [
  { name: "connection-mixed", people: 6, network: "mixed" },
  { name: "connection-panel", people: 8, network: "mixed", panel: true },
  { name: "connection-panel-rtl", people: 8, network: "mixed", panel: true, rtl: true },
  { name: "connection-panel-alone", people: 1, network: "good", panel: true },
  { name: "connection-panel-poor", people: 3, network: "poor", panel: true },
  { name: "connection-panel-tcp", people: 2, network: "tcp", panel: true },
  { name: "connection-panel-failed", people: 3, network: "failed", panel: true },
  { name: "connection-failed", people: 4, network: "failed" },
  { name: "connection-connecting", people: 3, network: "connecting" },
  { name: "connection-lost", people: 4, network: "lost" },
  { name: "connection-beside-screen", people: 8, network: "mixed", more: "&screens=1" },
];
