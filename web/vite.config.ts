import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { clientOnly } from "./call/clientonly.ts";
import { onDemand } from "./call/ondemand.ts";
import { lucide } from "./call/ui/lucide.ts";
import { fluent } from "./i18n/compile.ts";
import { shortIds } from "./i18n/shortids.ts";
import { apart } from "./site/connection-test/apart.ts";

/** Writes `.br` and `.gz` beside every text asset that they make smaller; the server embeds and serves them. */
function precompress(): Plugin {
  return {
    name: "fireside-precompress",
    apply: "build",
    async writeBundle({ dir }) {
      if (dir === undefined) return;
      const entries = await readdir(dir, { recursive: true, withFileTypes: true });
      const texts = entries.filter(
        (entry) => entry.isFile() && /\.(js|css|svg|ftl|json|wasm)$/.test(entry.name) && entry.name !== "manifest.json",
      );
      for (const entry of texts) {
        const path = join(entry.parentPath, entry.name);
        const plain = await readFile(path);
        const brotli = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } });
        const gzip = gzipSync(plain, { level: 9 });
        if (brotli.length < plain.length) await writeFile(`${path}.br`, brotli);
        if (gzip.length < plain.length) await writeFile(`${path}.gz`, gzip);
      }
    },
  };
}

/** Short names for scoped styles: they stand on almost every element of the call page. */
const cssHash = ({ hash, filename }: { hash: (text: string) => string; filename: string }) => `f${hash(filename).slice(0, 4)}`;

// Two entries: the call page and the islands of the server-rendered site. The server reads dist/manifest.json to find them.
export default defineConfig({
  plugins: [
    svelte({ compilerOptions: { runes: true, cssHash } }),
    clientOnly(),
    onDemand(),
    apart(),
    lucide(),
    fluent(),
    shortIds("i18n/en/call.ftl", /\/web\/(call|i18n)\//),
    precompress(),
  ],
  css: {
    // Bootstrap 5.3 is written with @import and if(); both work until Sass 3.
    preprocessorOptions: {
      scss: { quietDeps: true, silenceDeprecations: ["import", "if-function", "global-builtin", "color-functions"] },
    },
  },
  build: {
    outDir: "dist",
    manifest: "manifest.json",
    target: "es2022",
    // The first versions with light-dark(), which the tokens are made of.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    // What is loaded on demand imports little that is not there already.
    modulePreload: false,
    rolldownOptions: {
      input: { call: "call/main.ts", site: "site/main.ts", test: "site/connection-test/main.ts" },
      optimization: { inlineConst: { mode: "all", pass: 3 } },
    },
  },
  test: { include: ["{sdk,call,site,i18n}/**/*.test.ts"] },
});
