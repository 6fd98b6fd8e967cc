// Watches the ways to the others: reads them every two seconds, judges them, remembers the last two minutes. Loaded after the page
// has what it needs to show a call.
import type { LinkSample, Uplink } from "../api";
import type { ParticipantId, Strain } from "../protocol.gen";
import { noLink, readStats, received, type Reading, type StatsMemory } from "../stats";
import type { Switchboard } from "../transport/switchboard";
import { detourAt, type Detour } from "./detour";
import { diagnose, type Diagnosis } from "./diagnosis";
import { watchNetwork } from "./network";
import { best, judge, rate, UNTESTED, type Judgement, type Quality } from "./quality";
import { gauge, RELAXED } from "./strain";

const EVERY_MS = 2_000;
/** While the page is hidden, only every so many times. */
const HIDDEN = 5;
/** Two minutes, for a plot. */
const KEPT = 60;
/** A way on which so much arrived before, and nothing at all for so long, is taken for dead. (Somebody silent sends less than that.) */
const SPEAKING_KBITS = 10;
const SILENT_MS = 700;

/** The room, as the monitor sees it. */
export interface Watched {
  readonly transport: Pick<
    Switchboard,
    "route" | "state" | "via" | "report" | "serverReport" | "traces" | "iceServers" | "relayOnly" | "restart" | "improve" | "tracks"
  >;
  people(): readonly ParticipantId[];
  /** The WebSocket works. */
  server(): boolean;
  /** There may be another network. `moved`: there is. */
  networkChanged(moved: boolean): void;
  /** This is the judgement on them now. */
  judged(id: ParticipantId, quality: Quality): void;
  /** There are new readings. */
  measured(): void;
  unreachable(id: ParticipantId, diagnosis: Diagnosis): void;
  /** What keeps us from sending to each of the others now. */
  strained(strained: Strain | null): void;
}

interface Link {
  samples: readonly LinkSample[];
  judgement: Judgement;
  memory: StatsMemory;
  /** The last; null: there was no way. */
  reading: Reading | null;
  detour: Detour | null;
  /** It was told that they cannot be reached. */
  told: boolean;
}

export class Monitor {
  readonly #room: Watched;
  readonly #links = new Map<ParticipantId, Link>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #unwatch: () => void;
  #reading = false;
  #suspicious = false;
  #ticks = 0;
  #gauge = RELAXED;
  #tracedSince = performance.now();

  constructor(room: Watched) {
    this.#room = room;
    this.#timer = setInterval(() => void this.#read(), EVERY_MS);
    this.#unwatch = watchNetwork((moved) => this.#networkChanged(moved));
    for (const id of room.people()) this.changed(id);
  }

  history(id: ParticipantId): readonly LinkSample[] {
    return this.#links.get(id)?.samples ?? [];
  }

  uplink(): Uplink {
    const readings = this.#readings();
    const reasons = readings.map(({ limited }) => limited);
    return {
      kbits: readings.reduce((sum, { link }) => sum + link.kbitsOut, 0),
      limited: reasons.includes("bandwidth") ? "bandwidth" : reasons.includes("cpu") ? "cpu" : null,
    };
  }

  /** What comes from all of them badly is our own network's doing: we are as good as the best of them. */
  ownQuality(others: readonly { quality: Quality }[]): Quality {
    if (others.length === 0) return this.#room.server() ? "good" : "lost";
    return best(others.map(({ quality }) => quality));
  }

  diagnosis(): Diagnosis {
    const { transport, people, server } = this.#room;
    return diagnose({
      server: server(),
      iceServers: transport.iceServers,
      traces: transport.traces,
      elapsed: performance.now() - this.#tracedSince,
      failing: people().filter((id) => transport.state(id) === "failed"),
      transports: this.#connected().map((id) => this.history(id).at(-1)?.transport ?? null),
    });
  }

  /** The state of the way to them may have changed. */
  changed(id: ParticipantId): void {
    const link = this.#link(id);
    const failed = this.#room.transport.state(id) === "failed";
    if (failed && !link.told) this.#room.unreachable(id, this.diagnosis());
    link.told = failed;
  }

  /** What is up is looked at: is anything arriving? If not, it need not wait until the browser is sure. */
  async suspect(): Promise<void> {
    if (this.#suspicious) return;
    this.#suspicious = true;
    const ids = this.#connected().filter((id) => (this.history(id).at(-1)?.kbitsIn ?? 0) >= SPEAKING_KBITS);
    const before = await this.#received(ids);
    await new Promise((resolve) => setTimeout(resolve, SILENT_MS));
    const after = await this.#received(ids);
    this.#suspicious = false;
    // Who fell silent, or out of sight, is not sent to us by the server.
    for (const id of ids) if (after.get(id) === before.get(id)) this.#room.transport.restart(id);
  }

  /** The server's process is another: what goes through its relay is dead, whatever the browser still believes. */
  relayGone(): void {
    for (const id of this.#connected()) {
      const last = this.history(id).at(-1);
      if (last?.path === "relay" && !last.via) this.#room.transport.restart(id);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unwatch();
  }

  #networkChanged(moved: boolean): void {
    this.#room.networkChanged(moved);
    if (moved) {
      this.#tracedSince = performance.now();
      this.#gauge = RELAXED;
    }
    for (const link of this.#links.values()) link.detour = null;
    if (!moved) void this.suspect();
  }

  async #read(): Promise<void> {
    if (this.#room.transport.traces.length === 0) this.#tracedSince = performance.now();
    // Nobody looks, so it need not be often: a detour may end all the same.
    const hidden = globalThis.document?.visibilityState === "hidden";
    if (this.#reading || (hidden && (this.#ticks += 1) % HIDDEN > 0)) return;
    this.#reading = true;
    const people = this.#room.people();
    for (const id of [...this.#links.keys()]) if (!people.includes(id)) this.#links.delete(id);
    await Promise.all(people.map((id) => this.#sample(id))).finally(() => (this.#reading = false));
    this.#measureStrain();
    this.#room.measured();
  }

  #measureStrain(): void {
    const { route, tracks } = this.#room.transport;
    const { width, height } = tracks.get("camera")?.getSettings() ?? {};
    const camera = tracks.get("camera") ? Math.min(width ?? Infinity, height ?? Infinity) : null;
    const effort = { now: performance.now(), topology: route.topology, others: this.#room.people().length, camera };
    this.#gauge = gauge(this.#gauge, { ...effort, readings: this.#readings() });
    this.#room.strained(this.#gauge.strained);
  }

  /** Of each of our connections one: that with the server is the same for all who come by it. */
  #readings(): readonly Reading[] {
    const all = [...this.#links.values()].flatMap(({ reading }) => (reading ? [reading] : []));
    const server = all.find(({ link }) => link.via);
    return [...all.filter(({ link }) => !link.via), ...(server ? [server] : [])];
  }

  async #sample(id: ParticipantId): Promise<void> {
    const link = this.#link(id);
    const state = this.#room.transport.state(id);
    const report = state === "connected" ? await this.#room.transport.report(id).catch(() => null) : null;
    const via = this.#room.transport.via(id) === "server" ? { via: "server" as const } : {};
    const reading = report && withWay(readStats(report, link.memory), via);
    if (state !== "connecting")
      link.judgement = judge(link.judgement, reading ? rate({ ...reading.link, freezes: reading.freezes }) : "lost");
    const { quality } = link.judgement;
    link.reading = reading;
    link.samples = [...link.samples.slice(1 - KEPT), { at: performance.now(), quality, ...(reading?.link ?? { ...noLink, ...via }) }];
    this.#room.judged(id, quality);
    this.#shorten(id, link);
  }

  /** Tries, ever less often, to get from the relay to a direct way. */
  #shorten(id: ParticipantId, link: Link): void {
    const last = link.samples.at(-1);
    const relayed = last?.path === "relay" && !last.via && !this.#room.transport.relayOnly;
    const { detour, due } = relayed ? detourAt(link.detour, performance.now()) : { detour: null, due: false };
    link.detour = detour;
    if (due) this.#room.transport.improve(id);
  }

  /** How much has arrived from each; not a number where it cannot be read. */
  async #received(ids: readonly ParticipantId[]): Promise<Map<ParticipantId, number>> {
    const reports = ids.map(async (id): Promise<[ParticipantId, number]> => {
      const { transport } = this.#room;
      const report = await (transport.via(id) === "server" ? transport.serverReport() : transport.report(id)).catch(() => null);
      return [id, report ? received(report) : NaN];
    });
    return new Map(await Promise.all(reports));
  }

  #connected(): readonly ParticipantId[] {
    return this.#room.people().filter((id) => this.#room.transport.state(id) === "connected");
  }

  #link(id: ParticipantId): Link {
    let link = this.#links.get(id);
    if (!link) this.#links.set(id, (link = { samples: [], judgement: UNTESTED, memory: {}, reading: null, detour: null, told: false }));
    return link;
  }
}

const withWay = (reading: Reading, via: { via?: "server" }): Reading => ({ ...reading, link: { ...reading.link, ...via } });
