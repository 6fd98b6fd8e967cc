// Somebody who uses Fireside: finds things by their names, and can say what they see and hear.
import { expect } from "@playwright/test";
import type { Colour } from "./media.ts";
import type { Tab } from "./tab.ts";

export const PASSWORD = "quiet ember lantern 47";

/** How the packets of a connection travel. */
export interface Route {
  state: string;
  /** The kinds of the two candidates in use: host, srflx, prflx or relay. */
  local?: string;
  remote?: string;
  /** Over what we reach the relay: udp, tcp or tls. */
  relayed?: string;
}

interface Probe {
  pixel(name: string): number[] | null;
  tones(name: string, ms: number): Promise<{ hz: number; db: number }[]>;
  frames(name: string): Promise<number>;
  sent(): Promise<{ frames: number; audioBytes: number }>;
  reports(types?: string[]): Promise<Record<string, unknown>[]>;
  late(name: string): { kind: string; ms: number; ago: number; held: number }[];
  agreed(kind: string): string[];
  places(): number;
  arrive(name: string): void;
  arrived(): Promise<Record<string, number>>;
  lag(whom: [name: string, ms: number]): void;
  routes(): Promise<Route[]>;
  watch(name: string): Promise<void>;
  watching(name: string): number;
  watched(name: string): Promise<{ longest: number; ended: number; frames: number; wavered: string[] } | null>;
  size(name: string): Promise<{ width: number; height: number; tile: number }>;
  show(whom: [name: string, colour: Colour]): void;
  shown(name: string): number;
  lap(name: string): number;
  showed(name: string): { longest: number; frames: number; wrong: string[] } | null;
  people(): string[];
  /** What devices the page has asked for, each time: `audio`, `video` or `audio video`. */
  asked(): string[];
  connections(): number;
}

interface Ear {
  listen(): void;
  heard(hz: number): Promise<{ silent: number; doubled: number; sounds: number; ms: number }>;
}

declare global {
  interface Window {
    ear: Ear;
    probe: Probe;
  }
}

export class Person<T extends Tab = Tab> {
  constructor(
    readonly name: string,
    readonly tab: T,
    private readonly home: string,
  ) {}

  async signUp(): Promise<void> {
    await this.tab.open(`${this.home}/signup`);
    await this.tab.fill("textbox", "Username", this.name);
    await this.tab.fill("textbox", "Email", `${this.name}@example.org`);
    await this.tab.fill("textbox", "Password", PASSWORD);
    await this.tab.fill("textbox", "Confirm password", PASSWORD);
    await this.tab.press("button", "Sign up");
    await this.tab.see("button", "Log out");
  }

  /** Starts a meeting and returns its link; the pre-join page is open then. */
  async newMeeting(): Promise<string> {
    await this.tab.open(this.home);
    await this.tab.press("button", "New meeting");
    await this.tab.see("button", "Join now");
    return this.tab.url();
  }

  /** Opens a meeting's link. */
  async follow(link: string): Promise<void> {
    await this.tab.open(link);
    await this.tab.see("button", "Join now");
  }

  /** Enters from the pre-join page. */
  async joinNow(): Promise<void> {
    await this.tab.press("button", "Join now");
    await this.tab.see("button", "Leave");
  }

  async enter(link: string): Promise<void> {
    await this.follow(link);
    await this.joinNow();
  }

  async leave(): Promise<void> {
    await this.tab.press("button", "Leave");
    await expect
      .poll(() => this.tab.evaluate(() => window.probe.connections(), null), { message: `${this.name} closes their connections` })
      .toBe(0);
  }

  async say(text: string): Promise<void> {
    await this.openChat();
    await this.tab.fill("textbox", "Message", text);
    await this.tab.press("button", "Send");
  }

  async openChat(): Promise<void> {
    if (!(await this.tab.pressed("Chat"))) await this.tab.press("button", "Chat");
    await this.tab.see("log", "Messages");
  }

  /** How often `text` stands in the chat. */
  async heardInChat(text: string): Promise<number> {
    return (await this.tab.text("log", "Messages")).split(text).length - 1;
  }

  /** Waits until `text` stands in the chat, once. */
  async reads(text: string): Promise<void> {
    await this.openChat();
    await expect.poll(() => this.heardInChat(text), { message: `${this.name} reads "${text}"` }).toBe(1);
  }

  /** Waits until these people, and nobody else but oneself, have a tile. */
  async seesPeople(...names: string[]): Promise<void> {
    const others = async () => (await this.tab.evaluate(() => window.probe.people(), null)).filter((name) => !this.isOwn(name)).sort();
    await expect.poll(others, { message: `${this.name} sees tiles of ${names.join(" and ")}`, timeout: 20_000 }).toEqual([...names].sort());
  }

  /** Waits until the middle of somebody's picture has this colour. */
  async seesColour(name: string, colour: Colour): Promise<void> {
    const distance = async () => {
      const seen = await this.tab.evaluate((who) => window.probe.pixel(who), name);
      return seen === null ? Infinity : Math.hypot(...colour.map((part, at) => part - (seen[at] ?? 0)));
    };
    await expect.poll(distance, { message: `${this.name} sees the colour of ${name}`, timeout: 20_000 }).toBeLessThan(60);
  }

  /** Waits until the loudest that comes from somebody is this tone. */
  async hears(name: string, hz: number): Promise<void> {
    const heard = async () => {
      const tones = await this.tab.evaluate((who) => window.probe.tones(who, 1200), name);
      return Math.min(...tones.filter(({ db }) => db > -60).map((tone) => Math.abs(tone.hz - hz)));
    };
    await expect.poll(heard, { message: `${this.name} hears ${hz} Hz from ${name}`, timeout: 20_000 }).toBeLessThan(25);
  }

  /** Waits until somebody's picture moves on. */
  async seesMotion(name: string): Promise<void> {
    const frames = () => this.tab.evaluate((who) => window.probe.frames(who), name);
    await expect.poll(frames, { message: `${this.name} decodes frames of ${name}`, timeout: 20_000 }).toBeGreaterThan(0);
    const before = await frames();
    await expect.poll(frames, { message: `${this.name} goes on decoding frames of ${name}`, timeout: 20_000 }).toBeGreaterThan(before + 5);
  }

  /** Waits until there is a connection to each of `count` others and none of them passes through a server. */
  async isDirectlyConnected(count: number): Promise<void> {
    const routes = async () => {
      const all = await this.tab.evaluate(() => window.probe.routes(), null);
      return all.map((route) => `${route.state} ${route.local === "relay" || route.remote === "relay" ? "relayed" : "direct"}`);
    };
    await expect
      .poll(routes, { message: `${this.name} is connected to ${count} others`, timeout: 20_000 })
      .toEqual(Array(count).fill("connected direct"));
  }

  private isOwn(name: string): boolean {
    return name === "You" || name === this.name || name.startsWith(`${this.name} (`);
  }
}
