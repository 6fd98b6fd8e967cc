// The page that tests a connection: makes one test after the other, and says what each came to. It is in no room and joins none.
import "./page.scss";
import { testDevices } from "./devices";
import { Kinds } from "./gathering";
import { best, verdict } from "./judgement";
import { NETWORK, TESTS, type Outcomes, type RelayTransport, type SpeedOutcome, type Test } from "./outcome";
import { type Ends, openPath, testRelay } from "./relay";
import { browserName, report } from "./report";
import { askServers, only, portOf, type Servers } from "./servers";
import { testSocket } from "./socket";
import { measure, summed } from "./speed";
import { testStun } from "./stun";
import { View } from "./view";
import { type Place, said, t } from "./words";

/** Their credentials last ten minutes, a test one at most. */
const SERVERS_GOOD_FOR_MS = 5 * 60_000;

class ConnectionTest {
  readonly #view: View;
  readonly #csrf: string;
  #outcomes: Partial<Outcomes> = {};
  #kinds = new Kinds();
  #at = new Date();
  #known: { servers: Servers; at: number } | null = null;
  #skip: AbortController | null = null;
  #isRunning = false;

  constructor(root: HTMLElement) {
    this.#csrf = root.dataset["csrf"] ?? "";
    this.#view = new View(root, {
      start: () => void this.#run(TESTS),
      again: (test) => void this.#run([test]),
      skip: () => this.#skip?.abort(),
      report: (withAddress) => this.#report(withAddress),
    });
  }

  async #run(tests: readonly Test[]): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const all = tests.length === TESTS.length;
    if (all) [this.#outcomes, this.#kinds] = [{}, new Kinds()];
    this.#view.begin(tests);
    const problem = await this.#make(tests, all && !this.#view.withDevices);
    this.#at = new Date();
    this.#isRunning = false;
    const judged = verdict(this.#outcomes, this.#relayOnly);
    this.#view.end(judged && said(judged, this.#place("udp")), problem, Object.keys(this.#outcomes).length > 0);
  }

  /** Makes these tests; says why it could not, if so. */
  async #make(tests: readonly Test[], skipDevices: boolean): Promise<string | null> {
    await this.#testDevices(tests, skipDevices);
    const ofNetwork = NETWORK.filter((test) => tests.includes(test));
    if (ofNetwork.length === 0) return null;
    const problem = await this.#ask();
    if (problem !== null) return problem;
    for (const test of ofNetwork) {
      this.#view.running(test);
      this.#settle(test, await this.#testNetwork(test), tests);
    }
    return null;
  }

  async #testDevices(tests: readonly Test[], skip: boolean): Promise<void> {
    const wanted = (["camera", "microphone"] as const).filter((test) => tests.includes(test));
    if (wanted.length === 0) return;
    if (skip) return wanted.forEach((test) => this.#settle(test, { is: "skipped" }, tests));
    this.#skip = new AbortController();
    const shown = { video: this.#view.video, level: (level: number) => this.#view.level("microphone", level) };
    const made = testDevices(wanted, shown, this.#skip.signal);
    for (const test of wanted) {
      this.#view.running(test, true);
      this.#settle(test, await made[test], tests);
    }
    this.#skip = null;
    this.#view.withoutPicture();
  }

  #testNetwork(test: (typeof NETWORK)[number]): Promise<Outcomes[(typeof NETWORK)[number]]> {
    switch (test) {
      case "socket":
        return testSocket();
      case "stun":
        return testStun(only(this.#known?.servers.near ?? [], "stun"), this.#kinds);
      case "speed":
        return this.#testSpeed();
      default:
        return testRelay(this.#ends(test), this.#kinds);
    }
  }

  async #testSpeed(): Promise<SpeedOutcome> {
    const { udp, tcp, tls } = this.#outcomes;
    const over = best({ ...(udp && { udp }), ...(tcp && { tcp }), ...(tls && { tls }) });
    const ends = over && this.#ends(over);
    if (!ends) {
      if (udp?.is === "unsupported") return { is: "unsupported" };
      return { is: [udp, tcp, tls].every((relay) => relay?.is === "absent") ? "absent" : "unreachable" };
    }
    const path = await openPath(ends, this.#kinds);
    if ("is" in path) return { is: "failed" };
    const steps = await measure(path, (done) => this.#view.level("speed", done));
    path.close();
    return steps ? { is: "works", over, ...summed(steps) } : { is: "failed" };
  }

  /** Both ends of a way through the relay over this transport; null if it is not offered. */
  #ends(transport: RelayTransport): Ends | null {
    const [near, far] = [only(this.#known?.servers.near ?? [], transport), only(this.#known?.servers.far ?? [], transport)];
    return near && far && [near, far];
  }

  /** Asks for servers, unless there are some that are good. */
  async #ask(): Promise<string | null> {
    if (this.#known && performance.now() - this.#known.at < SERVERS_GOOD_FOR_MS) return null;
    const asked = await askServers(this.#csrf);
    if ("tooManyForS" in asked) return t("test-too-many", { minutes: Math.ceil(asked.tooManyForS / 60) });
    if ("failed" in asked) return t("test-no-servers");
    this.#known = { servers: asked.servers, at: performance.now() };
    return null;
  }

  #settle<T extends Test>(test: T, outcome: Outcomes[T], tests: readonly Test[]): void {
    this.#outcomes[test] = outcome as Partial<Outcomes>[T];
    this.#view.done(test, outcome, this.#place(test));
    this.#view.progress(tests.indexOf(test) + 1, tests.length);
  }

  /** Where a way has to be opened if this test finds it closed. */
  #place(test: Test): Place {
    const own = location.port || (location.protocol === "https:" ? "443" : "80");
    const way = test === "udp" || test === "tcp" || test === "tls" ? test : "stun";
    const port = test === "socket" ? null : portOf(this.#known?.servers.near ?? [], way);
    return { host: location.hostname, port: port ?? own };
  }

  get #relayOnly(): boolean {
    return this.#known?.servers.relay_only ?? false;
  }

  #report(withAddress: boolean): string {
    const { stun } = this.#outcomes;
    const judged = verdict(this.#outcomes, this.#relayOnly);
    return report({
      server: location.host,
      place: (test) => this.#place(test),
      at: this.#at,
      browser: browserName(navigator.userAgent),
      outcomes: this.#outcomes,
      verdict: judged && said(judged, this.#place("udp")),
      kinds: String(this.#kinds),
      ...(withAddress && { address: stun?.is === "works" ? stun.address : null }),
    });
  }
}

const root = document.getElementById("connection-test");
if (root) new ConnectionTest(root);
