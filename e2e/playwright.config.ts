import { defineConfig } from "@playwright/test";

// Calls are made one at a time: each starts up to three real browsers that encode and decode video. What mostly waits, or shows pages
// alone, goes two at a time (`npm test`).
const PAGES = /(pages|connection-test|stage)\.spec\.ts$/;
const WAITING = /(connection-test|nat)\.spec\.ts$/;

export default defineConfig({
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 240_000,
  expect: { timeout: 15_000 },
  outputDir: "results/artifacts",
  reporter: [["list"]],
  projects: [
    { name: "pages", testDir: "tests", testMatch: PAGES },
    { name: "networks", testDir: "netns", testMatch: WAITING, timeout: 120_000 },
    { name: "calls", testDir: "tests", testIgnore: PAGES },
    { name: "network", testDir: "netns", testIgnore: WAITING, timeout: 120_000 },
    { name: "measure", testDir: "measure" },
    { name: "shots", testDir: "shots", timeout: 300_000 },
  ],
});
