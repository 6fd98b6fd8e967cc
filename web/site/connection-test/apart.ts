// A build step: what this page takes from the SDK and the catalogues is copied into its script, and not put into a third file that the
// call page would have to wait for, too. Each of the two pages is one file then, with only what it uses. Runs in Node, never in the page.
import type { Plugin } from "vite";

const HERE = /\/site\/connection-test\/[^/]+\.ts$/;
const SHARED = /\/web\/(sdk|i18n)\/.*\.ts$/;
const COPY = "?apart";

export function apart(): Plugin {
  return {
    name: "apart",
    apply: "build",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (importer === undefined || !(HERE.test(importer) || importer.endsWith(COPY))) return null;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return found && SHARED.test(found.id) ? { ...found, id: found.id + COPY } : found;
    },
  };
}
