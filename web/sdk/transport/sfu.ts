// Media by way of the server: one peer connection, and another beside it while it is replaced. Knows which of our connections is the
// one, when to begin anew, and what the server says of them; knows nothing of the mesh.
import type { Source } from "../api";
import type { Trace } from "../monitor/diagnosis";
import type { DroppedCode, HeldReason, Offer, ParticipantId, ServerMessage } from "../protocol.gen";
import type { Arrivals } from "./arrivals";
import { Link, type LinkHost } from "./link";
import type { Slot } from "./slot";
import type { PathState } from "./transport";

/** Before the next attempt to connect, growing; a server that is full is asked more rarely. */
const AGAIN_MS = 300;
const GROWTH = 2;
const LONGEST_MS = 15_000;
const FULL_MS = 10_000;
/** What was up for so long was good: the next attempt comes at once. */
const GOOD_MS = 10_000;
/** The one before is kept until the new one shows what it showed, and no longer than this after it is up. */
const REPLACED_MS = 3_000;
/** And a little longer: the page takes a moment to show the new one. */
const SHOWN_MS = 1_000;
/** A way that attempts have not opened for so long counts as failed. */
const FAILED_MS = 20_000;
/** With the server out of hearing: if nothing comes from it for so long, it is gone, and our connection with it. */
const SILENT_MS = 250;

export interface SfuHost {
  readonly tracks: ReadonlyMap<Source, MediaStreamTrack | null>;
  readonly iceServers: readonly RTCIceServer[];
  readonly arrivals: Arrivals;
  offer(offer: Offer): boolean;
  /** The state, or what we have of this participant. */
  changed(id: ParticipantId | null): void;
  /** A new connection: the server has to be told what we look at. */
  renewed(): void;
  interrupted(): void;
  trace(trace: Trace): void;
}

export type ServerWord = Extract<ServerMessage, { type: "answer" | "dropped" | "slots" | "wanted" | "held" | "speaking" }>;

export class Sfu implements LinkHost {
  /** Of the others; null: the server has not said. */
  speaking: ReadonlySet<ParticipantId> | null = null;
  speaker: ParticipantId | null = null;
  #held: readonly { id: ParticipantId; source: Source; reason: HeldReason }[] = [];
  /** The newest last; the one before it while it is replaced. */
  #links: Link[] = [];
  /** Made while the server is away, to be offered when it is back. */
  #spare: { link: Link; offer: Offer | null } | null = null;
  #last = 0;
  #pictures = 0;
  #attempts = 0;
  #worked = false;
  #isDown = false;
  #failed = false;
  #failing: ReturnType<typeof setTimeout> | undefined;
  #signalling = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #replacing: ReturnType<typeof setTimeout> | undefined;
  #watching: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #host: SfuHost;

  /** `prepared`: a connection that the server knows already. `last`: the number of the last one there was. */
  constructor(host: SfuHost, last: number, pictures: number, prepared: Link | null = null) {
    this.#host = host;
    this.#last = Math.max(last, prepared?.connection ?? 0);
    this.#pictures = pictures;
    this.#down();
    if (prepared) {
      prepared.move(this);
      this.#adopt(prepared);
      this.changed(null);
    } else this.#begin();
  }

  get connection(): number {
    return this.#last;
  }
  get tracks(): SfuHost["tracks"] {
    return this.#host.tracks;
  }
  get iceServers(): readonly RTCIceServer[] {
    return this.#host.iceServers;
  }
  get arrivals(): Arrivals {
    return this.#host.arrivals;
  }

  get state(): PathState {
    if (this.#newest?.up) return "connected";
    return this.#failed ? "failed" : this.#worked ? "reconnecting" : "connecting";
  }

  /** Since when media can flow, in `performance.now()` time. */
  get upAt(): number {
    return this.#newest?.up ? this.#newest.upAt : Infinity;
  }

  /** The places of the newest connection that is up: what is played. */
  get audio(): readonly Slot[] {
    return (this.#links.findLast(({ up }) => up) ?? this.#newest)?.audio ?? [];
  }

  /** Where their voice or picture is: once it has arrived there, or sooner where nobody else can be seen. */
  find(id: ParticipantId, source: Source): Slot | null {
    const places = this.#links.toReversed().flatMap((link) => link.find(id, source) ?? []);
    return places.find(({ ready }) => ready) ?? places.find(({ clean }) => clean) ?? null;
  }

  held(id: ParticipantId, source: Source): HeldReason | null {
    return this.#held.find((held) => held.id === id && held.source === source)?.reason ?? null;
  }

  setTrack(source: Source, track: MediaStreamTrack | null): Promise<unknown> {
    return Promise.all(this.#all.map((link) => link.setTrack(source, track)));
  }

  /** So many pictures are to be seen at once. */
  need(pictures: number): void {
    if (pictures <= this.#pictures) return;
    this.#pictures = pictures;
    for (const link of this.#all) link.grow(pictures);
  }

  report(): Promise<RTCStatsReport | null> {
    return this.#newest?.report() ?? Promise.resolve(null);
  }

  restart(): void {
    this.#newest?.restart();
  }

  networkChanged(moved: boolean): void {
    this.#newest?.networkChanged(moved);
    if (moved && !this.#newest?.up) this.retry();
  }

  /** Begins anew at once, unless it is up. */
  retry(): void {
    if (this.#newest?.up) return;
    this.#attempts = 0;
    this.#down();
    this.#begin();
  }

  /** The server wants us: what it did not need before is made now. */
  ensure(): void {
    if (this.#newest?.state === "closed" && this.#timer === undefined) this.#begin();
  }

  /** Whether we can reach the server by messages. */
  setSignalling(up: boolean): void {
    if (this.#signalling === up) return;
    this.#signalling = up;
    clearTimeout(this.#watching);
    if (up) return this.#newest?.refresh();
    this.#watch().catch(() => undefined);
  }

  /** To be said at the door, when the connection that there was is thought to be gone. */
  offerAtTheDoor(): Offer | null {
    return this.#spare?.offer ?? null;
  }

  /** We are in again. `said`: the number of what was offered at the door. `gone`: the server is another, and knows nothing of us. */
  welcomed(said: number | undefined, gone: boolean): void {
    const spare = this.#spare?.link;
    this.#spare = null;
    for (const link of this.#links) link.expectWhole();
    if (spare && spare.connection === said) {
      this.#adopt(spare);
      spare.said();
      return;
    }
    spare?.close();
    if (gone) this.#begin();
  }

  message(message: ServerWord): void {
    switch (message.type) {
      case "answer":
        this.#link(message.connection)?.answered(message.sdp);
        return this.#host.renewed();
      case "dropped":
        return this.#dropped(message.connection, message.code);
      case "slots":
        return this.#link(message.connection)?.assign(message.slots);
      case "wanted":
        for (const link of this.#all) link.wanted(message.source, message.layers);
        return;
      case "held": {
        const before = this.#held;
        this.#held = message.tracks.map(({ participant, source }) => ({ id: participant, source, reason: message.reason }));
        for (const id of new Set([...before, ...this.#held].map((held) => held.id))) this.#host.changed(id);
        return;
      }
      case "speaking":
        this.speaking = new Set(message.participants);
        this.speaker = message.speaker;
        return;
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of [this.#timer, this.#failing, this.#replacing, this.#watching]) clearTimeout(timer);
    for (const link of this.#all) link.close();
    this.#links = [];
    this.#spare = null;
  }

  // What a connection tells.

  offer(offer: Offer): boolean {
    return this.#signalling && this.#host.offer(offer);
  }

  changed(id: ParticipantId | null): void {
    if (this.#closed) return;
    const newest = this.#newest;
    if (id === null) {
      if (newest?.up) {
        this.#worked = true;
        this.#failed = this.#isDown = false;
        clearTimeout(this.#failing);
        if (this.#links.length > 1 && this.#replacing === undefined) this.#replaceAfter(REPLACED_MS);
      } else if (!this.#isDown) {
        this.#down();
        if (this.#worked) this.#host.interrupted();
      }
    }
    this.#host.changed(id);
    // Everything that was seen is seen in the new one.
    const seen = newest?.up ? newest.video.filter(({ carries }) => carries) : [];
    if (this.#links.length > 1 && seen.length > 0 && seen.every(({ ready }) => ready)) this.#replaceAfter(SHOWN_MS);
  }

  lost(link: Link): void {
    if (link === this.#newest) this.#again(0);
  }

  trace(trace: Trace): void {
    this.#host.trace(trace);
  }

  // Beginning anew.

  get #newest(): Link | undefined {
    return this.#links.at(-1);
  }

  get #all(): Link[] {
    return this.#spare ? [...this.#links, this.#spare.link] : this.#links;
  }

  #link(connection: number): Link | undefined {
    return this.#links.find((link) => link.connection === connection);
  }

  #dropped(connection: number, code: DroppedCode): void {
    const link = this.#newest;
    if (link?.connection !== connection) return;
    if (performance.now() - link.upAt > GOOD_MS) this.#attempts = 0;
    link.end();
    this.changed(null);
    if (code === "not_needed") return;
    this.#again(code === "full" ? FULL_MS : 0);
  }

  #down(): void {
    this.#isDown = true;
    this.#failed = false;
    clearTimeout(this.#failing);
    this.#failing = setTimeout(() => {
      this.#failed = true;
      this.#host.changed(null);
    }, FAILED_MS);
  }

  /** Another connection, after a while that grows. */
  #again(least: number): void {
    const pause = this.#attempts === 0 ? 0 : Math.min(LONGEST_MS, AGAIN_MS * GROWTH ** (this.#attempts - 1));
    this.#attempts += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), Math.max(least, pause) * (0.5 + Math.random() / 2));
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const link = this.#make();
    if (!link) return;
    this.#adopt(link);
    void link.offered.then(
      (offer) => (this.offer(offer), link.said()),
      () => this.lost(link),
    );
  }

  /** Null where the browser makes no more of them. */
  #make(): Link | null {
    try {
      return new Link((this.#last += 1), this.#pictures, this);
    } catch (error) {
      console.warn("fireside: the connection with the server", error);
      this.#again(FULL_MS);
      return null;
    }
  }

  #adopt(link: Link): void {
    // Of those before it only one that has shown something is of use still.
    const shown = this.#links.findLast(({ worked }) => worked);
    shown?.end();
    for (const other of this.#links) if (other !== shown) other.close();
    this.#links = shown ? [shown, link] : [link];
    clearTimeout(this.#replacing);
    this.#replacing = undefined;
    this.#host.changed(null);
  }

  #replaceAfter(ms: number): void {
    clearTimeout(this.#replacing);
    this.#replacing = setTimeout(() => this.#replace(), ms);
  }

  /** The newest shows what there is: what was before it is needed no longer. */
  #replace(): void {
    clearTimeout(this.#replacing);
    this.#replacing = undefined;
    if (this.#links.length < 2) return;
    for (const link of this.#links.splice(0, this.#links.length - 1)) link.close();
    this.#host.changed(null);
  }

  /** While the server cannot be heard: does anything come from it still? If not, another connection is made ready. */
  async #watch(): Promise<void> {
    let before = await this.#received();
    for (;;) {
      await new Promise<void>((resolve) => (this.#watching = setTimeout(resolve, SILENT_MS)));
      if (this.#closed || this.#signalling) return;
      const now = await this.#received();
      const alive = now > before;
      before = now;
      if (alive) this.#forgetSpare();
      else if (!this.#spare) await this.#prepareSpare();
    }
  }

  async #prepareSpare(): Promise<void> {
    const link = this.#make();
    if (!link) return;
    const spare: { link: Link; offer: Offer | null } = { link, offer: null };
    this.#spare = spare;
    spare.offer = await link.offered.catch(() => null);
  }

  #forgetSpare(): void {
    this.#spare?.link.close();
    this.#spare = null;
  }

  /** Packets that have come, of whatever kind. */
  async #received(): Promise<number> {
    if (!this.#newest?.up) return 0;
    const report = await this.#newest.report().catch(() => null);
    let packets = 0;
    report?.forEach(({ type, packetsReceived, responsesReceived }: Record<string, unknown>) => {
      if (type === "transport" || type === "inbound-rtp") packets += Number(packetsReceived) || 0;
      if (type === "candidate-pair") packets += Number(responsesReceived) || 0;
    });
    return packets;
  }
}
