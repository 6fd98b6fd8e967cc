// Watches the ways to the others: reads them every two seconds, judges them, remembers the last two minutes. Loaded after the page
// has what it needs to show a call.
import type { LinkSample, Uplink } from "../api";
import type { ParticipantId } from "../protocol.gen";
import { noLink, readStats, type StatsMemory } from "../stats";
import type { PathState, Transport } from "../transport/transport";
import { diagnose, type Diagnosis } from "./diagnosis";
import { judge, rate, UNTESTED, type Judgement } from "./quality";

const EVERY_MS = 2_000;
/** Two minutes, for a plot. */
const KEPT = 60;

/** The room, as the monitor sees it. */
export interface Watched {
  readonly transport: Pick<Transport, "state" | "report" | "traces" | "iceServers">;
  people(): readonly ParticipantId[];
  /** The WebSocket works. */
  server(): boolean;
  /** This is the judgement on them now. */
  judged(id: ParticipantId, quality: LinkSample["quality"]): void;
  /** There are new readings. */
  measured(): void;
  unreachable(id: ParticipantId, diagnosis: Diagnosis): void;
}

interface Link {
  samples: readonly LinkSample[];
  judgement: Judgement;
  memory: StatsMemory;
  limited: Uplink["limited"];
  /** It was told that they cannot be reached. */
  told: boolean;
}

export class Monitor {
  readonly #room: Watched;
  readonly #links = new Map<ParticipantId, Link>();
  readonly #timer: ReturnType<typeof setInterval>;
  #reading = false;

  constructor(room: Watched) {
    this.#room = room;
    this.#timer = setInterval(() => void this.#read(), EVERY_MS);
    for (const id of room.people()) this.changed(id);
  }

  history(id: ParticipantId): readonly LinkSample[] {
    return this.#links.get(id)?.samples ?? [];
  }

  uplink(): Uplink {
    const links = [...this.#links.values()];
    const reasons = links.map(({ limited }) => limited);
    return {
      kbits: links.reduce((sum, { samples }) => sum + (samples.at(-1)?.kbitsOut ?? 0), 0),
      limited: reasons.includes("bandwidth") ? "bandwidth" : reasons.includes("cpu") ? "cpu" : null,
    };
  }

  diagnosis(): Diagnosis {
    const { transport, people, server } = this.#room;
    const is = (wanted: PathState) => (id: ParticipantId) => transport.state(id) === wanted;
    return diagnose({
      server: server(),
      iceServers: transport.iceServers,
      traces: transport.traces,
      tellsErrors: "onicecandidateerror" in RTCPeerConnection.prototype,
      failing: people().filter(is("failed")),
      transports: people()
        .filter(is("connected"))
        .map((id) => this.history(id).at(-1)?.transport ?? null),
    });
  }

  /** The state of the way to them may have changed. */
  changed(id: ParticipantId): void {
    const link = this.#link(id);
    const failed = this.#room.transport.state(id) === "failed";
    if (failed && !link.told) this.#room.unreachable(id, this.diagnosis());
    link.told = failed;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    // Nobody looks, and a reading that takes longer than the pause between two is not made more often.
    if (this.#reading || globalThis.document?.visibilityState === "hidden") return;
    this.#reading = true;
    const people = this.#room.people();
    for (const id of [...this.#links.keys()]) if (!people.includes(id)) this.#links.delete(id);
    await Promise.all(people.map((id) => this.#sample(id))).finally(() => (this.#reading = false));
    this.#room.measured();
  }

  async #sample(id: ParticipantId): Promise<void> {
    const link = this.#link(id);
    const state = this.#room.transport.state(id);
    const report = state === "connected" ? await this.#room.transport.report(id).catch(() => null) : null;
    const reading = report && readStats(report, link.memory);
    if (state !== "connecting")
      link.judgement = judge(link.judgement, reading ? rate({ ...reading.link, freezes: reading.freezes }) : "lost");
    const { quality } = link.judgement;
    link.limited = reading?.limited ?? null;
    link.samples = [...link.samples.slice(1 - KEPT), { at: performance.now(), quality, ...(reading?.link ?? noLink) }];
    this.#room.judged(id, quality);
  }

  #link(id: ParticipantId): Link {
    let link = this.#links.get(id);
    if (!link) this.#links.set(id, (link = { samples: [], judgement: UNTESTED, memory: {}, limited: null, told: false }));
    return link;
  }
}
