// The real executable, on a free port, with a data folder of its own. It can be killed without warning and started again.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const START_MS = 20_000;

/** Where a server runs, and how. */
interface Place {
  /** Words to put before the executable, such as `ip netns exec …`. */
  within: string[];
  /** The address that people type. */
  url: string;
  settings: string[];
}

export class Server {
  readonly data = mkdtempSync(join(tmpdir(), "fireside-e2e-"));
  readonly port: number;
  readonly url: string;
  readonly #place: Place;
  #child: ChildProcess | undefined;
  #said = "";

  private constructor(port: number, place: Place) {
    this.port = port;
    this.#place = place;
    this.url = place.url;
  }

  /** One on this machine, with further settings as the command line has them. */
  static async start(...settings: string[]): Promise<Server> {
    const port = await freePort();
    const place = { within: [], url: `http://localhost:${port}`, settings: ["--listen", `127.0.0.1:${port}`, ...settings] };
    return Server.startAt(port, place);
  }

  static async startAt(port: number, place: Place): Promise<Server> {
    const server = new Server(port, place);
    await server.start();
    return server;
  }

  /** Everything that it has written to its standard output and error. */
  get said(): string {
    return this.#said;
  }

  async start(): Promise<void> {
    const [program, ...words] = [...this.#place.within, executable(), "serve", "--data", this.data, ...this.#place.settings];
    const child = spawn(program!, words, { env: withoutOurs(process.env), stdio: ["ignore", "pipe", "pipe"] });
    const before = this.#said.length;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (words: Buffer) => (this.#said += words.toString()));
    this.#child = child;
    await this.#ready(child, before);
  }

  /** As a power cut would end it. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it politely and removes its data. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.data, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(late);
  }

  /** Listens before it says where it is. */
  async #ready(child: ChildProcess, before: number): Promise<void> {
    const end = Date.now() + START_MS;
    while (Date.now() < end) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#said}`);
      if (this.#said.includes("Fireside is at ", before)) return;
      await pause(25);
    }
    throw new Error(`the server was not ready after ${START_MS} ms:\n${this.#said}`);
  }
}

export function executable(): string {
  const target = process.env["CARGO_TARGET_DIR"] ?? join(import.meta.dirname, "../../target");
  const path = process.env["FIRESIDE_BIN"] ?? join(target, "debug/fireside");
  if (!existsSync(path)) throw new Error(`${path} is not built; run \`cargo xtask test browser\``);
  return path;
}

/** `FIRESIDE_…` are the server's settings; it refuses ones that it does not know, such as those of the tests. */
export function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("FIRESIDE_")));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
