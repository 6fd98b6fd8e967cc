// How much the call page loads before it shows anything, and by the time one is in a call (what is loaded meanwhile, too): its
// JavaScript and CSS with everything they import, gzipped. Fails when that is more than the page may have. Usage: node size.mjs path/to/dist
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const KB = 1000;
const budgets = [
  { entry: "call/main.ts", js: 50 * KB, css: 20 * KB },
  { entry: "call/incall.ts", js: 72 * KB, css: 20 * KB },
  { entry: "site/main.ts", js: 10 * KB, css: 20 * KB },
  { entry: "site/connection-test/main.ts", js: 14 * KB, css: 20 * KB },
];

const dist = process.argv[2];
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8"));

function files(key, seen = new Set(), found = new Set()) {
  const chunk = manifest[key];
  if (chunk === undefined || seen.has(key)) return found;
  seen.add(key);
  found.add(chunk.file);
  for (const file of chunk.css ?? []) found.add(file);
  for (const next of chunk.imports ?? []) files(next, seen, found);
  return found;
}

const gzipped = (names) => names.reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name)), { level: 9 }).length, 0);

let failed = false;
for (const { entry, js, css } of budgets) {
  const names = [...files(entry)];
  if (names.length === 0) {
    console.error(`${entry} is not in the manifest`);
    failed = true;
    continue;
  }
  for (const [kind, budget] of Object.entries({ js, css })) {
    const size = gzipped(names.filter((name) => name.endsWith(`.${kind}`)));
    const over = size > budget;
    failed ||= over;
    console.log(`${entry} ${kind}: ${(size / KB).toFixed(1)} of ${budget / KB} kB${over ? ", too much" : ""}`);
  }
}
process.exit(failed ? 1 : 0);
