// A tab of a real browser as a person meets it: by roles and names. Chromium is driven by Playwright, Firefox by WebDriver BiDi.
import type { Locator, Page } from "@playwright/test";
import { expect } from "@playwright/test";
import type { Page as FirefoxPage } from "puppeteer-core";

export type Role = "button" | "link" | "textbox" | "checkbox" | "listitem" | "list" | "log" | "dialog" | "heading";

export interface Tab {
  open(url: string): Promise<void>;
  url(): string;
  press(role: Role, name: string): Promise<void>;
  fill(role: Role, name: string, text: string): Promise<void>;
  /** Waits until something of this role and name is there. */
  see(role: Role, name: string, timeout?: number): Promise<void>;
  pressed(name: string): Promise<boolean>;
  /** The text of what has this role and name. */
  text(role: Role, name: string): Promise<string>;
  evaluate<R, A>(script: (arg: A) => R | Promise<R>, arg: A): Promise<R>;
}

export class ChromiumTab implements Tab {
  constructor(readonly page: Page) {}

  async open(url: string): Promise<void> {
    await this.page.goto(url);
  }

  url(): string {
    return this.page.url();
  }

  async press(role: Role, name: string): Promise<void> {
    await this.#find(role, name).click();
  }

  async fill(role: Role, name: string, text: string): Promise<void> {
    await this.#find(role, name).fill(text);
  }

  async see(role: Role, name: string, timeout = 15_000): Promise<void> {
    await expect(this.#find(role, name)).toBeVisible({ timeout });
  }

  async pressed(name: string): Promise<boolean> {
    return (await this.#find("button", name).getAttribute("aria-pressed")) === "true";
  }

  async text(role: Role, name: string): Promise<string> {
    return this.#find(role, name).innerText();
  }

  async evaluate<R, A>(script: (arg: A) => R | Promise<R>, arg: A): Promise<R> {
    return this.page.evaluate(script as never, arg as never);
  }

  #find(role: Role, name: string): Locator {
    return this.page.getByRole(role, { name, exact: true });
  }
}

export class FirefoxTab implements Tab {
  constructor(readonly page: FirefoxPage) {}

  async open(url: string): Promise<void> {
    await this.page.goto(url);
  }

  url(): string {
    return this.page.url();
  }

  async press(role: Role, name: string): Promise<void> {
    await this.page.locator(selector(role, name)).click();
  }

  /** By the field's label: to Firefox a password field has no role. */
  async fill(_role: Role, name: string, text: string): Promise<void> {
    const find = (name: string) => {
      const fields = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input, textarea")];
      const isNamed = (field: HTMLInputElement | HTMLTextAreaElement) =>
        [field.ariaLabel, ...[...(field.labels ?? [])].map((label) => label.innerText)].some((label) => label?.trim() === name);
      return fields.find((field) => isNamed(field) && field.checkVisibility());
    };
    const field = (await this.page.waitForFunction(find, {}, name)).asElement();
    if (field === null) throw new Error(`no field is named ${name}`);
    await field.evaluate((it) => (it as HTMLInputElement).select());
    await field.type(text);
  }

  async see(role: Role, name: string, timeout = 15_000): Promise<void> {
    await this.page.waitForSelector(selector(role, name), { timeout });
  }

  async pressed(name: string): Promise<boolean> {
    const button = await this.page.waitForSelector(selector("button", name));
    return (await button?.evaluate((it) => it.getAttribute("aria-pressed"))) === "true";
  }

  async text(role: Role, name: string): Promise<string> {
    const found = await this.page.waitForSelector(selector(role, name));
    return (await found?.evaluate((it) => (it instanceof HTMLElement ? it.innerText : ""))) ?? "";
  }

  async evaluate<R, A>(script: (arg: A) => R | Promise<R>, arg: A): Promise<R> {
    return (await this.page.evaluate(script as never, arg as never)) as R;
  }
}

function selector(role: Role, name: string): string {
  return `::-p-aria([name="${name}"][role="${role}"])`;
}
