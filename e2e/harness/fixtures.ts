// What a test can ask for: the server, and people with browsers of their own. Everything is closed at the end, and the test fails
// if a page broke the content security policy, asked somebody else's server, or had an error that nobody caught.
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, type Page, test as base, expect } from "@playwright/test";
import { Bots, type Wishes } from "./bots.ts";
import { probe, startChromium, startFirefox } from "./browsers.ts";
import { type Colour, camera, microphone } from "./media.ts";
import { Person } from "./person.ts";
import { Server } from "./server.ts";
import { ChromiumTab, FirefoxTab } from "./tab.ts";
import { Watch } from "./watch.ts";

export interface Equipment {
  colour: Colour;
  hz: number;
  /** Of the picture, in pixels. */
  size?: { width: number; height: number };
  framesPerSecond?: number;
  /** The path of another y4m file to show. */
  picture?: string;
}

export interface People {
  /** Somebody with Chromium, a camera of one colour and a microphone of one tone. */
  chromium(name: string, equipment: Equipment, options?: Options): Promise<Person<ChromiumTab>>;
  /** Somebody with Firefox, whose camera and microphone are its own test signals. */
  firefox(name: string): Promise<Person<FirefoxTab>>;
  /** Somebody in a light browser that all such share, without camera and microphone. */
  bare(name: string, options?: Options): Promise<Person<ChromiumTab>>;
}

export interface Options extends BrowserContextOptions {
  /** The address of the server as this person reaches it. */
  home?: string;
}

interface Fixtures {
  /** Further settings of the server, as the command line has them, with blanks between them; for `test.use`. */
  settings: string;
  server: Server;
  watch: Watch;
  people: People;
  /** Lets people without browsers into a meeting. */
  bots: (link: string, wishes: Wishes) => Bots;
  /** A page of somebody with a light browser. */
  site: Page;
}

interface WorkerFixtures {
  shared: Browser;
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  shared: [
    async ({}, use) => {
      const browser = await startChromium();
      await use(browser);
      await browser.close();
    },
    { scope: "worker" },
  ],

  settings: ["", { option: true }],

  server: async ({ settings }, use, info) => {
    const server = await Server.start(...settings.split(" ").filter(Boolean));
    await use(server);
    await server.stop();
    if (info.status !== info.expectedStatus) await info.attach("server", { body: server.said, contentType: "text/plain" });
  },

  watch: async ({}, use) => {
    const watch = new Watch();
    await use(watch);
    expect(watch.wrong, "violations of the content security policy, requests to others, uncaught errors").toEqual([]);
  },

  people: async ({ server, watch, shared }, use, info) => {
    const files = join(import.meta.dirname, "../results/media");
    const open: { close(): Promise<unknown> }[] = [];
    const pages: [string, () => Promise<Uint8Array>][] = [];
    watch.allow(server.url);

    async function chromium(name: string, browser: Browser, { home = server.url, ...options }: Options = {}) {
      watch.allow(home);
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      if (browser === shared) open.push(context);
      watch.chromium(context);
      await context.addInitScript(probe);
      const page = await context.newPage();
      pages.push([name, () => page.screenshot()]);
      return new Person(name, new ChromiumTab(page), home);
    }

    await use({
      async chromium(name, { colour, hz, size, framesPerSecond, picture }, options) {
        const browser = await startChromium({
          camera: picture ?? camera(files, colour, size, framesPerSecond),
          microphone: microphone(files, hz),
        });
        open.push(browser);
        return chromium(name, browser, options);
      },
      async firefox(name) {
        const browser = await startFirefox();
        open.push(browser);
        const page = (await browser.pages())[0] ?? (await browser.newPage());
        watch.firefox(page);
        await page.evaluateOnNewDocument(probe);
        await page.setViewport({ width: 1280, height: 800 });
        pages.push([name, () => page.screenshot()]);
        return new Person(name, new FirefoxTab(page), server.url);
      },
      bare: (name, options) => chromium(name, shared, options),
    });

    if (info.status !== info.expectedStatus) {
      for (const [name, shoot] of pages) {
        const body = await shoot().catch(() => undefined);
        if (body) await info.attach(name, { body: Buffer.from(body), contentType: "image/png" });
      }
    }
    await Promise.all(open.reverse().map((one) => one.close()));
  },

  bots: async ({ server }, use, info) => {
    const all: Bots[] = [];
    await use((link, wishes) => {
      const bots = new Bots(link, wishes);
      all.push(bots);
      return bots;
    });
    for (const bots of all) {
      await bots.leave();
      if (info.status !== info.expectedStatus) await info.attach(`bots at ${server.url}`, { body: bots.said, contentType: "text/plain" });
    }
  },

  site: async ({ people }, use) => {
    const visitor = await people.bare("visitor");
    await use(visitor.tab.page);
  },
});

export { expect };
