// A small internet that never leaves the machine: network namespaces on one bridge. The server has a public address, two people are
// at home behind routers with NAT, and each home has a second way out. Needs root; everything is gone when the process is.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";

/** Public in the eyes of the relay's policy, and nobody here can reach the real ones. */
const SERVER = "93.184.0.10";

const NOBODY = { address: "93.255.255.254", mac: "02:00:00:00:00:01" };

const PREFIX = "fireside-test";

/** How a router maps an inner address and port to one of its own: the same for every destination, or another for each. */
export type Nat = "cone" | "symmetric";

/** A computer, or a router: a network namespace. */
export class Host {
  readonly name: string;

  constructor(name: string) {
    this.name = `${PREFIX}-${process.pid}-${name}`;
    ip("netns", "add", this.name);
    this.ip("link", "set", "lo", "up");
    // Addresses come up at once, and no other than those that are given here.
    this.run("sh", "-c", "echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6");
  }

  /** The words to put before a command that is to run on this host. */
  get within(): [string, ...string[]] {
    return ["ip", "netns", "exec", this.name];
  }

  ip(...words: string[]): void {
    ip("-n", this.name, ...words);
  }

  run(...command: string[]): string {
    const [program, ...words] = [...this.within, ...command] as [string, ...string[]];
    return execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  start(...command: string[]): ChildProcess {
    const [program, ...words] = [...this.within, ...command] as [string, ...string[]];
    return spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  }

  /** Replaces every rule for packets. */
  rules(text: string): void {
    const [program, ...words] = [...this.within, "nft", "--file", "-"] as [string, ...string[]];
    execFileSync(program, words, { input: `flush ruleset\n${text}`, stdio: ["pipe", "pipe", "pipe"] });
  }
}

/** A home's way to the internet: a cable to a router that masks the home's addresses. */
export class Way {
  /** What others see as the sender of what goes this way. */
  readonly outside: string;
  /** The address of the person's computer on this way. */
  readonly inside: string;
  readonly #gateway: string;
  readonly #home: Host;
  readonly #cable: string;
  readonly #router: Host;
  #nat: Nat = "cone";
  #stopped: readonly string[] = [];
  #isLimited = false;

  constructor(home: Host, cable: string, addresses: { outside: string; net: string }, plug: (host: Host, address: string) => void) {
    this.outside = addresses.outside;
    this.inside = `${addresses.net}.2`;
    this.#gateway = `${addresses.net}.1`;
    this.#home = home;
    this.#cable = cable;
    this.#router = new Host(`${cable}-${addresses.net.replaceAll(".", "-")}`);
    plug(this.#router, this.outside);
    this.#router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    ip("link", "add", cable, "netns", home.name, "type", "veth", "peer", "name", "lan", "netns", this.#router.name);
    this.#router.ip("address", "add", `${this.#gateway}/24`, "dev", "lan");
    this.#router.ip("link", "set", "lan", "up");
    home.ip("address", "add", `${this.inside}/24`, "dev", cable);
    this.#apply();
  }

  /** For new flows; those that are under way stay mapped as they are. */
  set nat(nat: Nat) {
    this.#nat = nat;
    this.#apply();
  }

  /** Lets nothing through, in neither direction, that one of these nftables expressions matches; nothing is stopped without any. */
  stop(...matching: string[]): void {
    this.#stopped = matching;
    this.#apply();
  }

  /** Carries so many kbit/s in each direction, with a router's queue before it; without a number as much as there is. */
  limit(kbits?: number): void {
    for (const device of ["lan", "wan"]) {
      if (this.#isLimited) this.#router.run("tc", "qdisc", "delete", "dev", device, "root");
      const queue = ["tbf", "rate", `${kbits}kbit`, "burst", "8kb", "latency", "250ms"];
      if (kbits !== undefined) this.#router.run("tc", "qdisc", "add", "dev", device, "root", ...queue);
    }
    this.#isLimited = kbits !== undefined;
  }

  /** Packets that were not let through since then. */
  get dropped(): number {
    const counters = this.#router.run("nft", "list", "chain", "ip", "way", "stopped").matchAll(/counter packets (\d+)/g);
    return [...counters].reduce((sum, [, packets]) => sum + Number(packets), 0);
  }

  up(): void {
    this.#home.ip("link", "set", this.#cable, "up");
    this.#home.ip("route", "replace", "default", "via", this.#gateway, "dev", this.#cable);
  }

  down(): void {
    this.#home.ip("link", "set", this.#cable, "down");
  }

  #apply(): void {
    // What comes unasked is dropped before it is tracked. Otherwise the other's first packet would take the mapping that ours needs.
    this.#router.rules(`table ip way {
      chain unasked { type filter hook input priority filter; iifname "wan" drop; }
      chain stopped {
        type filter hook forward priority filter;
        ${this.#stopped.map((expression) => `${expression} counter drop`).join("\n")}
      }
      chain nat { type nat hook postrouting priority srcnat; oifname "wan" masquerade ${this.#nat === "symmetric" ? "fully-random" : ""}; }
    }`);
  }
}

/** Somebody's computer, with two ways to the internet. The second one is down at first. */
export class Home {
  readonly host: Host;
  readonly wifi: Way;
  readonly mobile: Way;

  constructor(name: string, number: number, plug: (host: Host, address: string) => void) {
    this.host = new Host(name);
    this.wifi = new Way(this.host, "wifi", { outside: `93.184.${number}.1`, net: `192.168.${number}` }, plug);
    this.mobile = new Way(this.host, "mobile", { outside: `93.185.${number}.1`, net: `10.77.${number}` }, plug);
    this.wifi.up();
  }

  /** As it was at the beginning. */
  reset(): void {
    this.mobile.down();
    for (const way of [this.wifi, this.mobile]) {
      way.nat = "cone";
      way.stop();
      way.limit();
    }
    this.wifi.up();
  }

  /** Every address by which this computer could be known. */
  get addresses(): string[] {
    return [this.wifi, this.mobile].flatMap((way) => [way.inside, way.outside]);
  }
}

export class Internet {
  readonly server: Host;
  readonly address = SERVER;
  readonly anna: Home;
  readonly ben: Home;

  constructor() {
    removeLeftovers();
    try {
      const bridge = new Host("bridge");
      bridge.ip("link", "add", "bridge", "type", "bridge");
      bridge.ip("link", "set", "bridge", "up");
      let ports = 0;
      const plug = (host: Host, address: string) => {
        const port = `port${++ports}`;
        ip("link", "add", "wan", "netns", host.name, "type", "veth", "peer", "name", port, "netns", bridge.name);
        bridge.ip("link", "set", port, "master", "bridge", "up");
        host.ip("address", "add", `${address}/8`, "dev", "wan");
        host.ip("link", "set", "wan", "up");
        // What is for nobody here goes out all the same, and is never heard of again.
        host.ip("neighbour", "add", NOBODY.address, "lladdr", NOBODY.mac, "dev", "wan", "nud", "permanent");
        host.ip("route", "add", "default", "via", NOBODY.address);
      };
      this.server = new Host("server");
      plug(this.server, SERVER);
      this.anna = new Home("anna", 1, plug);
      this.ben = new Home("ben", 2, plug);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Removes every namespace, and ends what still runs in them. */
  remove(): void {
    for (const name of namespaces()) if (ownerOf(name) === process.pid) remove(name);
  }
}

/** Why no network namespaces can be made here; nothing if they can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can make network namespaces";
  try {
    const trial = new Host("trial");
    try {
      trial.rules("table ip trial { }");
    } finally {
      remove(trial.name);
    }
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // A container that may not, or a machine without the programs. All else is a fault of ours.
    if (/not permitted|ENOENT/.test(why)) return `network namespaces cannot be made here: ${why}`;
    throw error;
  }
}

/** Those of runs that were killed. */
function removeLeftovers(): void {
  for (const name of namespaces()) {
    const owner = ownerOf(name);
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) remove(name);
  }
}

function namespaces(): string[] {
  const listed = execFileSync("ip", ["netns", "list"], { encoding: "utf8" });
  return listed.split("\n").flatMap((line) => line.split(" ")[0] || []);
}

/** The process that made a namespace, if it is one of ours. */
function ownerOf(name: string): number | undefined {
  const [, owner] = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name) ?? [];
  return owner === undefined ? undefined : Number(owner);
}

function remove(name: string): void {
  const inside = execFileSync("ip", ["netns", "pids", name], { encoding: "utf8" });
  for (const pid of inside.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  ip("netns", "delete", name);
}

function ip(...words: string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "pipe", "pipe"] });
}
