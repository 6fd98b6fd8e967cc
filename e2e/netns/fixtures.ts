// What a test of the network can ask for: the small internet, a server on it, and Anna and Ben in their homes with a Chromium each. The
// internet and the browsers are shared by all tests, and put back between them; a test that fails gets the next one new ones.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, test as base, expect } from "@playwright/test";
import { chromiumProgram, probe, startChromium } from "../harness/browsers.ts";
import { type Colour, camera, green, microphone, red } from "../harness/media.ts";
import { Person } from "../harness/person.ts";
import { Server } from "../harness/server.ts";
import { ChromiumTab } from "../harness/tab.ts";
import { Watch } from "../harness/watch.ts";
import { type Home, Internet, whyNot } from "./internet.ts";

const PORT = 8000;
const HOST = "meet.example.org";
export const URL_OF_SERVER = `http://${HOST}:${PORT}`;
const MEDIA = join(import.meta.dirname, "../results/media");

/** Somebody at home. */
export class Resident extends Person<ChromiumTab> {
  constructor(
    name: string,
    tab: ChromiumTab,
    readonly house: Home,
    readonly colour: Colour,
    readonly hz: number,
  ) {
    super(name, tab, URL_OF_SERVER);
  }
}

interface Fixtures {
  /** Starts the server with these settings. */
  serve(...settings: string[]): Promise<Server>;
  watch: Watch;
  anna: Resident;
  ben: Resident;
}

interface WorkerFixtures {
  internet: Internet;
  browsers: { anna: Browser; ben: Browser };
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  internet: [
    async ({}, use) => {
      const internet = new Internet();
      try {
        await use(internet);
      } finally {
        internet.remove();
      }
    },
    { scope: "worker" },
  ],

  browsers: [
    async ({ internet }, use) => {
      const folder = mkdtempSync(join(tmpdir(), "fireside-chromium-"));
      const open: Browser[] = [];
      const start = async (home: Home, colour: Colour, hz: number) => {
        const program = join(folder, home.host.name);
        writeFileSync(program, `#!/bin/sh\nexec ${home.host.within.join(" ")} ${chromiumProgram()} "$@"\n`);
        chmodSync(program, 0o755);
        const devices = { camera: camera(MEDIA, colour), microphone: microphone(MEDIA, hz) };
        const browser = await startChromium(devices, flags(internet), program);
        open.push(browser);
        return browser;
      };
      try {
        await use({ anna: await start(internet.anna, red, 440), ben: await start(internet.ben, green, 660) });
      } finally {
        await Promise.all(open.map((browser) => browser.close()));
        rmSync(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker" },
  ],

  serve: async ({ internet }, use, info) => {
    const started: Server[] = [];
    await use(async (...settings) => {
      const place = {
        within: internet.server.within,
        url: URL_OF_SERVER,
        settings: ["--listen", `0.0.0.0:${PORT}`, "--public-url", URL_OF_SERVER, ...settings],
      };
      const server = await Server.startAt(PORT, place);
      started.push(server);
      return server;
    });
    for (const server of started) {
      await server.stop();
      if (info.status !== info.expectedStatus) await info.attach("server", { body: server.said, contentType: "text/plain" });
    }
  },

  watch: async ({}, use) => {
    const watch = new Watch();
    watch.allow(URL_OF_SERVER);
    await use(watch);
    expect(watch.wrong, "violations of the content security policy, requests to others, uncaught errors").toEqual([]);
  },

  anna: async ({ browsers, internet, watch }, use, info) => {
    await withPage("anna", browsers.anna, watch, info, (tab) => use(new Resident("anna", tab, internet.anna, red, 440)));
    internet.anna.reset();
  },

  ben: async ({ browsers, internet, watch }, use, info) => {
    await withPage("ben", browsers.ben, watch, info, (tab) => use(new Resident("ben", tab, internet.ben, green, 660)));
    internet.ben.reset();
  },
});

const reason = whyNot();
test.skip(reason !== undefined, reason ?? "");

export { expect };

function flags(internet: Internet): string[] {
  return [`--host-resolver-rules=MAP ${HOST} ${internet.address}`, `--unsafely-treat-insecure-origin-as-secure=${URL_OF_SERVER}`];
}

interface Ending {
  status?: string;
  expectedStatus: string;
  attach(name: string, options: { body: Buffer; contentType: string }): Promise<void>;
}

async function withPage(name: string, browser: Browser, watch: Watch, info: Ending, use: (tab: ChromiumTab) => Promise<void>) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true });
  watch.chromium(context);
  await context.addInitScript(probe);
  const page = await context.newPage();
  await use(new ChromiumTab(page));
  if (info.status !== info.expectedStatus) {
    const body = await page.screenshot().catch(() => undefined);
    if (body) await info.attach(name, { body, contentType: "image/png" });
  }
  await context.close();
}
