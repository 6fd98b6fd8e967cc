// One state of a page in several sizes, light and dark. Pictures to look at, not to compare: they are in results/shots.
import { join } from "node:path";
import type { Page } from "@playwright/test";

const FOLDER = join(import.meta.dirname, "../results/shots");
export interface Size {
  width: number;
  height: number;
}

const SIZES: readonly Size[] = [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

export async function shoot(page: Page, name: string, sizes = SIZES): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const size of sizes) {
      await page.setViewportSize(size);
      await page.screenshot({ path: join(FOLDER, `${name}-${size.width}-${colorScheme}.png`), animations: "disabled" });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}
