import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// Two entries: the call page and the islands of the server-rendered site. The server reads dist/manifest.json to find them.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "dist",
    manifest: "manifest.json",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { call: "call/main.ts", site: "site/main.ts" } },
  },
  test: { include: ["{sdk,call,site}/**/*.test.ts"] },
});
