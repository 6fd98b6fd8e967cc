// One peer connection with the server. We always offer, the server always answers; the number of the connection tells them apart.
// Everything that touches it goes through one queue, in the order in which it was asked for.
import type { Source } from "../api";
import type { Trace } from "../monitor/diagnosis";
import type { Offer, ParticipantId, SlotUse } from "../protocol.gen";
import type { Arrivals } from "./arrivals";
import { fragments, sendWholePicture, withSilence } from "./encoding";
import { Lips } from "./lips";
import { addSections, applyEncodings, growSections, SENDING, slotsFor } from "./sections";
import { Slot } from "./slot";

/** An offer that has no answer by then is said again, and then given up. */
const ANSWER_MS = 4_000;
const REPEATS = 2;
/** With the answer there, it is up by then, or begins its checks anew. */
const UP_MS = 6_000;
/** ICE often comes back by itself within this. */
const INTERRUPTED_MS = 2_000;
/** After so many attempts to find the way again it is given up. */
const RESTARTS = 3;
/** However many signs there are. */
const PAUSE_MS = 1_000;

export interface LinkHost {
  /** Says it to the server; false: not now. */
  offer(offer: Offer): boolean;
  /** The state, or what a place carries of this participant. */
  changed(id: ParticipantId | null): void;
  /** It cannot be brought up, or back: another is to take its place. */
  lost(link: Link): void;
  trace(trace: Trace): void;
  readonly tracks: ReadonlyMap<Source, MediaStreamTrack | null>;
  readonly iceServers: readonly RTCIceServer[];
  readonly arrivals: Arrivals;
}

export class Link {
  /** It was up once. */
  worked = false;
  /** When it was up first, in `performance.now()` time. */
  upAt = Infinity;
  audio: readonly Slot[] = [];
  video: readonly Slot[] = [];
  readonly #pc: RTCPeerConnection;
  #host: LinkHost;
  #queue: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Nothing more becomes of it; what it showed last may be seen still. */
  #ended = false;
  #closed = false;
  /** How often the offer that is out was said again. */
  #repeats = 0;
  #restarts = 0;
  #restartedAt = -Infinity;
  #restarting = false;
  /** Something is to be offered as soon as the answer to what was offered is here. */
  #due: "nothing" | "more" | "restart" = "nothing";
  /** The next `slots` names all that carry something. */
  #whole = true;
  #wanted = new Map<Source, readonly boolean[]>();
  readonly #lips = new Lips(this);
  #report: { at: number; report: Promise<RTCStatsReport> } | null = null;
  /** The first offer; rejects where the browser cannot make one. */
  readonly offered: Promise<Offer>;

  constructor(
    readonly connection: number,
    pictures: number,
    host: LinkHost,
  ) {
    this.#host = host;
    this.#pc = new RTCPeerConnection(this.#configuration());
    addSections(this.#pc, slotsFor(pictures));
    this.#adopt();
    this.#pc.onicecandidateerror = (error) => this.#host.trace(error);
    this.#pc.onicecandidate = ({ candidate }) => void ((!candidate || candidate.candidate) && this.#host.trace(candidate));
    this.#pc.onconnectionstatechange = () => this.#stateChanged();
    this.offered = new Promise((resolve, reject) => this.#run(() => this.#first().then(resolve, reject)));
    this.offered.catch(() => undefined);
  }

  get state(): RTCPeerConnectionState {
    return this.#ended ? "closed" : this.#pc.connectionState;
  }

  get up(): boolean {
    return this.state === "connected";
  }

  /** From now on it is somebody else's: the room's, after the page's before it. */
  move(host: LinkHost): void {
    this.#host = host;
    for (const slot of [...this.audio, ...this.video]) slot.close();
    this.audio = this.video = [];
    this.#adopt();
    try {
      this.#pc.setConfiguration?.(this.#configuration());
    } catch {
      // What it has is enough as long as it is up.
    }
    if (this.#pc.signalingState === "have-local-offer") this.said();
    for (const source of SENDING) void this.setTrack(source, host.tracks.get(source) ?? null);
  }

  /** The answer is waited for from now on: the first offer was said. */
  said(): void {
    this.#arm(ANSWER_MS);
  }

  answered(sdp: string): Promise<void> {
    return this.#run(() => this.#answered(sdp));
  }

  /** Messages get through again. */
  refresh(): void {
    this.#run(() => void this.#repeat());
  }

  /** There are at least so many places for pictures. */
  grow(pictures: number): void {
    this.#run(() => {
      if (growSections(this.#pc, slotsFor(pictures))) return this.#negotiate("more");
    });
  }

  /** Looks for another way, without giving up the one there is. */
  restart(): void {
    this.#run(() => this.#restart());
  }

  /** What was up is not thought to be any more. */
  networkChanged(moved: boolean): void {
    this.#run(() => (moved || !this.up ? this.#restart() : undefined));
  }

  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    return this.#run(async () => {
      const sender = this.#sender(source);
      await sender?.replaceTrack(track);
      if (sender && track) await applyEncodings(sender, source, this.#wanted.get(source));
    });
  }

  /** Which sizes of what we send are of use to anybody. */
  wanted(source: Source, layers: readonly boolean[]): void {
    this.#wanted.set(source, layers);
    this.#run(async () => {
      const sender = this.#sender(source);
      if (sender) await applyEncodings(sender, source, this.#wanted.get(source));
    });
  }

  /** The next word on the places names all of them. */
  expectWhole(): void {
    this.#whole = true;
  }

  assign(uses: readonly SlotUse[]): void {
    const named = new Map(uses.map((use) => [this.#slot(use), use.track]));
    const all = this.#whole ? [...this.audio, ...this.video] : [];
    this.#whole = false;
    // Emptied first: who moves from one place to another is in one of them only.
    for (const slot of [...all, ...named.keys()]) if (slot && !named.get(slot)) slot.give(null);
    for (const [slot, track] of named) if (track) slot?.give(track);
  }

  find(id: ParticipantId, source: Source): Slot | undefined {
    const slots = source === "microphone" || source === "screen_audio" ? this.audio : this.video;
    return slots.find((slot) => slot.is(id, source));
  }

  /** One for all who ask at the same time. */
  readonly report = (): Promise<RTCStatsReport | null> => {
    if (this.#closed) return Promise.resolve(null);
    const now = performance.now();
    if (!this.#report || now - this.#report.at > 20) this.#report = { at: now, report: this.#pc.getStats() };
    return this.#report.report;
  };

  /** The server knows it no longer. Its last pictures stay until `close`. */
  end(): void {
    this.#ended = true;
    this.#lips.close();
    clearTimeout(this.#timer);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.end();
    for (const slot of [...this.audio, ...this.video]) slot.close();
    this.#pc.close();
  }

  // Everything below runs in the queue.

  #run(task: () => unknown): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#ended) return;
      try {
        await task();
      } catch (error) {
        if (!this.#ended) console.warn("fireside: the connection with the server", error);
      }
    });
    return this.#queue;
  }

  async #first(): Promise<Offer> {
    const offer = await this.#pc.createOffer();
    for (const source of SENDING) {
      const track = this.#host.tracks.get(source);
      if (track) await this.#sender(source)?.replaceTrack(track);
    }
    await this.#pc.setLocalDescription(offer);
    return this.#described();
  }

  async #negotiate(what: "more" | "restart"): Promise<void> {
    if (this.#pc.signalingState !== "stable" || !this.#pc.currentRemoteDescription) {
      if (this.#due !== "restart") this.#due = what;
      return;
    }
    this.#due = "nothing";
    this.#restarting = what === "restart";
    if (this.#restarting) [this.#restartedAt, this.#restarts] = [performance.now(), this.#restarts + 1];
    await this.#pc.setLocalDescription(await this.#pc.createOffer({ iceRestart: this.#restarting }));
    this.#adopt();
    this.#repeats = 0;
    this.#host.offer(this.#described());
    this.#arm(ANSWER_MS);
  }

  async #answered(sdp: string): Promise<void> {
    const { signalingState, currentRemoteDescription: before } = this.#pc;
    if (signalingState !== "have-local-offer") return;
    // To an offer that was said twice there are two answers; this one may be to an earlier offer.
    if (this.#restarting && fragments(before?.sdp ?? "")[0] === fragments(sdp)[0]) return;
    if (sections(sdp) !== sections(this.#pc.pendingLocalDescription?.sdp ?? sdp)) return;
    await this.#pc.setRemoteDescription({ type: "answer", sdp: withSilence(sdp) });
    this.#adopt();
    for (const source of SENDING) {
      const sender = this.#sender(source);
      if (sender) await applyEncodings(sender, source, this.#wanted.get(source));
    }
    if (this.up) clearTimeout(this.#timer);
    else this.#arm(UP_MS);
    if (this.#due !== "nothing") await this.#negotiate(this.#due);
  }

  async #restart(): Promise<void> {
    // It is out already.
    if (this.#restarting && this.#pc.signalingState === "have-local-offer") return;
    const pause = this.#restartedAt + PAUSE_MS - performance.now();
    if (pause <= 0) return this.#negotiate("restart");
    this.#due = "restart";
    this.#arm(pause);
  }

  #repeat(): boolean {
    if (this.#pc.signalingState !== "have-local-offer") return false;
    this.#arm(ANSWER_MS);
    return this.#host.offer(this.#described());
  }

  #stateChanged(): void {
    if (this.#ended) return;
    const { state } = this;
    if (state === "connected") {
      if (!this.worked) this.upAt = performance.now();
      else this.#run(() => this.#refreshPictures());
      this.worked = true;
      this.#lips.watch();
      this.#restarts = 0;
      if (this.#pc.signalingState === "stable") clearTimeout(this.#timer);
    } else if (state === "disconnected") {
      this.#arm(INTERRUPTED_MS);
    } else if (state === "failed") {
      this.#arm(0);
    } else if (state === "closed") {
      // By the server; what it has to say about it may not come.
      clearTimeout(this.#timer);
      this.#host.lost(this);
    }
    this.#host.changed(null);
  }

  async #refreshPictures(): Promise<void> {
    for (const source of SENDING) {
      const sender = this.#sender(source);
      if (sender) await sendWholePicture(sender);
    }
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(() => this.#late()), ms);
  }

  async #late(): Promise<void> {
    if (this.#pc.signalingState === "have-local-offer") {
      // While the server is away the offer waits for it.
      this.#repeats = this.#repeat() ? this.#repeats + 1 : 0;
      if (this.#repeats > REPEATS) this.#host.lost(this);
    } else if (!this.up || this.#due === "restart") {
      if (this.#restarts >= RESTARTS || !this.#pc.currentRemoteDescription) this.#host.lost(this);
      else await this.#restart();
    }
  }

  // Its parts.

  #described(): Offer {
    return { connection: this.connection, sdp: slim(this.#pc.localDescription?.sdp ?? "") };
  }

  #configuration(): RTCConfiguration {
    return { iceServers: relaysByStream(this.#host.iceServers), bundlePolicy: "max-bundle" };
  }

  #sender(source: Source): RTCRtpSender | undefined {
    return this.#pc.getTransceivers()[SENDING.indexOf(source as (typeof SENDING)[number])]?.sender;
  }

  #adopt(): void {
    const receivers = this.#pc.getTransceivers().map(({ receiver }) => receiver);
    const changed = (id: ParticipantId): void => this.#host.changed(id);
    const place = (kind: "audio" | "video", known: readonly Slot[]): readonly Slot[] =>
      receivers
        .filter(({ track }) => track.kind === kind)
        .map((receiver, index) => known[index] ?? new Slot(kind, receiver, this.#host.arrivals, this.report, changed));
    this.audio = place("audio", this.audio);
    this.video = place("video", this.video);
  }

  #slot({ kind, slot }: SlotUse): Slot | undefined {
    return (kind === "audio" ? this.audio : this.video)[slot];
  }
}

/**
 * The relays that are reached by TCP or TLS, for those whom nothing else lets out. Where datagrams get out, they get to the server
 * itself. And Chromium takes whatever comes from the address of a STUN or TURN server for an answer to what it has asked there
 * (libwebrtc, `UDPPort::OnReadPacket`): with our own, which has the one address, nothing would ever be heard of the media.
 */
function relaysByStream(servers: readonly RTCIceServer[]): RTCIceServer[] {
  const byStream = (url: string): boolean => /^turns:|^turn:.*[?&]transport=tcp/i.test(url);
  return servers.map((server) => ({ ...server, urls: [server.urls].flat().filter(byStream) })).filter(({ urls }) => urls.length > 0);
}

/** The server finds us by where our checks come from. */
const slim = (sdp: string): string => sdp.replace(/^a=(candidate:|end-of-candidates).*\r?\n/gm, "");

const sections = (sdp: string): number => sdp.match(/^m=/gm)?.length ?? 0;
