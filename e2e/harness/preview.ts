// The call page without a server: Vite serves its sources, and a mock stands in for the room (web/call/mock.ts). For states that
// a real call does not show when one would like to see them.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const WEB = join(import.meta.dirname, "../../web");

interface Vite {
  createServer(config: object): Promise<{ listen(): Promise<unknown>; close(): Promise<void>; resolvedUrls: { local: string[] } | null }>;
}

export class Preview {
  private constructor(
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<Preview> {
    const entry = createRequire(join(WEB, "package.json")).resolve("vite/package.json");
    const { createServer } = (await import(pathToFileURL(join(dirname(entry), "dist/node/index.js")).href)) as Vite;
    const server = await createServer({
      root: WEB,
      configFile: join(WEB, "vite.config.ts"),
      cacheDir: join(import.meta.dirname, "../results/vite"),
      logLevel: "error",
      // The page shall not reload under a test because somebody saves a file.
      server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
    });
    await server.listen();
    const url = server.resolvedUrls?.local[0];
    if (url === undefined) throw new Error("vite did not say where it listens");
    return new Preview(url, () => server.close());
  }

  /** The address of a call: how many people, and what their connections are like (`NETWORKS` in the mock). */
  call(people: number, network: string, more = ""): string {
    return `${this.url}call/preview.html?people=${people}&network=${network}&messages=2${more}`;
  }
}
