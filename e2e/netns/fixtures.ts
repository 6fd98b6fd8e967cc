// What a test of the network can ask for: the small internet, a server on it, and Anna and Ben in their homes with a Chromium each. The
// internet and the browsers are shared by all tests, and put back between them; a test that fails gets the next one new ones.
import { join } from "node:path";
import { type Browser, test as base, expect } from "@playwright/test";
import { probe, startChromium } from "../harness/browsers.ts";
import { type Colour, camera, green, microphone, red } from "../harness/media.ts";
import { Person } from "../harness/person.ts";
import { Server } from "../harness/server.ts";
import { ChromiumTab } from "../harness/tab.ts";
import { Watch } from "../harness/watch.ts";
import { Authority } from "./authority.ts";
import { type Home, Internet, whyNot } from "./internet.ts";

const PORT = 443;
const NAME = "meet.example.org";
const ADDRESS = `https://${NAME}`;
const MEDIA = join(import.meta.dirname, "../results/media");

/** What the tests look at in a message of the server's; see PROTOCOL.md. */
export interface Message {
  type: string;
  you?: string;
  participants?: { id: string }[];
  participant?: { id: string } | string;
}

/** Somebody at home. */
export class Resident extends Person<ChromiumTab> {
  /** Every message from the server. */
  readonly heard: Message[] = [];

  constructor(
    name: string,
    tab: ChromiumTab,
    readonly house: Home,
    readonly colour: Colour,
    readonly hz: number,
  ) {
    super(name, tab, ADDRESS);
    tab.page.on("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => this.heard.push(JSON.parse(payload.toString()) as Message)),
    );
  }
}

interface Fixtures {
  /** Afterwards both homes are as they were. */
  order: void;
  /** Starts the server with these settings. */
  serve(...settings: string[]): Promise<Server>;
  watch: Watch;
  anna: Resident;
  ben: Resident;
}

interface WorkerFixtures {
  internet: Internet;
  authority: Authority;
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

  authority: [
    async ({}, use) => {
      const authority = new Authority(NAME);
      await use(authority);
      authority.remove();
    },
    { scope: "worker" },
  ],

  browsers: [
    async ({ internet, authority }, use) => {
      const open: Browser[] = [];
      const start = async (home: Home, colour: Colour, hz: number) => {
        const devices = { camera: camera(MEDIA, colour), microphone: microphone(MEDIA, hz) };
        const browser = await startChromium(devices, [], authority.chromiumOn(home.host, internet.address));
        open.push(browser);
        return browser;
      };
      try {
        await use({ anna: await start(internet.anna, red, 440), ben: await start(internet.ben, green, 660) });
      } finally {
        await Promise.all(open.map((browser) => browser.close()));
      }
    },
    { scope: "worker" },
  ],

  order: [
    async ({ internet }, use) => {
      await use();
      for (const home of [internet.anna, internet.ben]) home.reset();
    },
    { auto: true },
  ],

  serve: async ({ internet, authority: { certificate, key } }, use, info) => {
    const started: Server[] = [];
    await use(async (...settings) => {
      const place = {
        within: internet.server.within,
        url: ADDRESS,
        settings: ["--listen", `0.0.0.0:${PORT}`, "--public-url", ADDRESS, "--tls-cert", certificate, "--tls-key", key, ...settings],
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
    watch.allow(ADDRESS);
    await use(watch);
    expect(watch.wrong, "violations of the content security policy, requests to others, uncaught errors").toEqual([]);
  },

  anna: async ({ browsers, internet, watch }, use, info) => {
    await withPage("anna", browsers.anna, watch, info, (tab) => use(new Resident("anna", tab, internet.anna, red, 440)));
  },

  ben: async ({ browsers, internet, watch }, use, info) => {
    await withPage("ben", browsers.ben, watch, info, (tab) => use(new Resident("ben", tab, internet.ben, green, 660)));
  },
});

const reason = whyNot();
test.skip(reason !== undefined, reason ?? "");

export { expect };

interface Ending {
  status?: string;
  expectedStatus: string;
  attach(name: string, options: { body: Buffer; contentType: string }): Promise<void>;
}

async function withPage(name: string, browser: Browser, watch: Watch, info: Ending, use: (tab: ChromiumTab) => Promise<void>) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  watch.chromium(context);
  await context.addInitScript(probe);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await use(new ChromiumTab(page));
  if (info.status !== info.expectedStatus) {
    const body = await page.screenshot().catch(() => undefined);
    if (body) await info.attach(name, { body, contentType: "image/png" });
  }
  await context.close();
}
