// What must never happen on any page: a violation of the content security policy, a request to somebody else, an error nobody caught.
import type { BrowserContext, Page } from "@playwright/test";
import type { Page as FirefoxPage } from "puppeteer-core";

export class Watch {
  readonly #wrong = new Set<string>();
  readonly #hosts = new Set<string>();

  /** What happened, in words, each once. */
  get wrong(): string[] {
    return [...this.#wrong];
  }

  /** Requests to this address are ours. */
  allow(url: string): void {
    this.#hosts.add(new URL(url).host);
  }

  chromium(context: BrowserContext): void {
    context.on("page", (page) => this.#page(page));
  }

  firefox(page: FirefoxPage): void {
    page.on("console", (message) => this.#said(message.text()));
    page.on("pageerror", (error) => this.#wrong.add(`error on ${page.url()}: ${error instanceof Error ? error.message : String(error)}`));
    page.on("request", (request) => this.#asked(request.url()));
  }

  #page(page: Page): void {
    page.on("console", (message) => this.#said(message.text()));
    page.on("pageerror", (error) => this.#wrong.add(`error on ${page.url()}: ${error.stack ?? error.message}`));
    page.on("request", (request) => this.#asked(request.url()));
    page.on("websocket", (socket) => this.#asked(socket.url()));
  }

  #said(text: string): void {
    if (text.startsWith("[csp]")) this.#wrong.add(text);
  }

  #asked(url: string): void {
    const { host, protocol } = new URL(url);
    const leaves = ["http:", "https:", "ws:", "wss:"].includes(protocol);
    if (leaves && !this.#hosts.has(host)) this.#wrong.add(`request to ${url}`);
  }
}
