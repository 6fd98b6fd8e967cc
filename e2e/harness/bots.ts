// People without browsers: the executable's own, as `fireside loadtest` lets them into a room.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Colour } from "./media.ts";
import { executable, withoutOurs } from "./server.ts";

export interface Wishes {
  /** So many with a camera, each of a colour of their own, and a voice; their names are `Bot 0`, `Bot 1` and so on. */
  publishers?: number;
  /** So many who only look on. */
  subscribers?: number;
  /** One comes after the other in this time. */
  joinEvery?: string;
  /** What they send: `meeting` by default, `grid` for small pictures. */
  profile?: string;
}

export class Bots {
  readonly #child: ChildProcess;
  #said = "";

  /** They come one after the other, and stay until they are told to leave. */
  constructor(link: string, { publishers = 0, subscribers = 0, joinEvery = "50ms", profile = "meeting" }: Wishes) {
    const who = ["--publishers", `${publishers}`, "--subscribers", `${subscribers}`, "--join-every", joinEvery, "--profile", profile];
    const words = ["loadtest", link, ...who, "--duration", "15m"];
    const child = spawn(executable(), words, { env: withoutOurs(process.env), stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (words: Buffer) => (this.#said += words.toString()));
    this.#child = child;
  }

  /** What they have told of how it was. */
  get said(): string {
    return this.#said;
  }

  async leave(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGINT");
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(late);
  }
}

/** The colour of the picture of `Bot {index}`. */
export function colourOf(index: number): Colour {
  const hue = (index * 137.508) % 360;
  const channel = (shift: number) => Math.trunc(90 + 120 * Math.min(1, Math.max(0, 2 - Math.abs(((hue / 60 + shift) % 6) - 3))));
  return [channel(3), channel(1), channel(5)];
}
