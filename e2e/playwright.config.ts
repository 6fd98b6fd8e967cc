import { defineConfig } from "@playwright/test";

// One test at a time: each starts up to three real browsers that encode and decode video.
export default defineConfig({
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 240_000,
  expect: { timeout: 15_000 },
  outputDir: "results/artifacts",
  reporter: [["list"]],
  projects: [
    { name: "calls", testDir: "tests" },
    { name: "network", testDir: "netns", timeout: 120_000 },
    { name: "measure", testDir: "measure" },
    { name: "shots", testDir: "shots", timeout: 300_000 },
  ],
});
