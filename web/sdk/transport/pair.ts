// One other participant, one peer connection at a time. The media sections are fixed when it is built (microphone, camera,
// screen, its sound), so that switching, replacing and sharing never negotiate again; only ICE restarts do.
//
// Everything that touches the peer connection goes through one queue, in the order in which it was asked for.
import type { Source } from "../api";
import type { Trace } from "../monitor/diagnosis";
import type { ParticipantId, SignalBody } from "../protocol.gen";
import { applyCap, fragments, sendWholePicture, withSilence } from "./encoding";
import type { PathState } from "./transport";

/** The media sections, in this order. */
export const SOURCES = ["microphone", "camera", "screen", "screen_audio"] as const satisfies readonly Source[];
const KINDS = { microphone: "audio", camera: "video", screen: "video", screen_audio: "audio" } as const;

/** A connection that is not up by then is restarted, then rebuilt; each time a little more patiently. */
const STUCK_MS = 8_000;
const MORE_PATIENCE_MS = 2_000;
const LONGEST_PATIENCE_MS = 30_000;
/** One that was up before is tried again after this, growing: a relay behind a slow line needs two or three seconds to answer. */
const MEND_MS = 3_000;
const MEND_GROWTH = 1.5;
const LONGEST_MEND_MS = 20_000;
/** It is restarted so often before it is rebuilt, one that was never up only once. */
const RESTARTS = 3;
/** An offer without an answer is said again after this: one of the two may have been lost with a connection to the server. */
const ANSWER_MS = 3_000;
/** ICE often comes back by itself within this. */
const INTERRUPTED_MS = 2_000;
/** One side mends first; the other only if that did not help. */
const POLITE_MS = 3_500;
/** The same where both may have had the same sign: long enough for the other's offer to arrive. */
const POLITE_SOON_MS = 300;
/** For so long after a sign that the network has changed, an interruption is not waited out. */
const ALERT_MS = 10_000;
/** However many signs there are: the pause between two attempts, and how many there may be in a minute. */
const PAUSE_MS = 1_000;
const PER_MINUTE = 8;
/** A way that attempts, ours or theirs, have not opened for so long counts as failed; about four were made. */
const FAILED_MS = 30_000;
/** Candidates that wait for their description; real connections have about twenty. */
const WAITING_CANDIDATES = 128;
/** Messages that wait for the server to be back. */
const OUTBOX = 64;

type Candidate = SignalBody & { kind: "candidate" };

export interface PairHost {
  signal(to: ParticipantId, connection: number, body: SignalBody): boolean;
  changed(id: ParticipantId): void;
  /** What we send now. */
  tracks: ReadonlyMap<Source, MediaStreamTrack | null>;
  iceServers: readonly RTCIceServer[];
  relayOnly: boolean;
  /** What gathering has come to. */
  trace(trace: Trace): void;
  /** People other than us. */
  others(): number;
  /** The server is there. */
  signalling(): boolean;
  /** A way that was up is not: the network may have changed. */
  interrupted(): void;
}

export class Pair {
  readonly id: ParticipantId;
  /** Gives way when both offer at once, and lets the other mend first. */
  readonly polite: boolean;
  state: PathState = "connecting";
  reachable = true;
  /** The number of the peer connection; 0 before the first. */
  #connection: number;
  #pc: RTCPeerConnection | null = null;
  #transceivers: RTCRtpTransceiver[] = [];
  #candidates: Candidate[] = [];
  #outbox: { connection: number; body: SignalBody }[] = [];
  #queue: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Attempts to mend since it last worked. */
  #attempts = 0;
  /** An attempt is due as soon as messages get through. */
  #due = false;
  /** An ICE restart is due, even while it is up: media stays on the old way until there is a new one. */
  #wanted = false;
  /** Packets were lost: this peer connection was interrupted. */
  #lossy = false;
  /** This peer connection was up once. */
  #worked = false;
  #alertUntil = 0;
  /** Since when it has not been up, although it might have been. */
  #downSince = performance.now();
  /** When it was mended in the last minute. */
  #mended: number[] = [];
  /** The offer that is out was said twice. */
  #repeated = false;
  #closed = false;
  readonly #host: PairHost;

  /** `last`: the number of the last peer connection that there was with them. */
  constructor(id: ParticipantId, polite: boolean, host: PairHost, last = 0) {
    this.#connection = last;
    this.id = id;
    this.polite = polite;
    this.#host = host;
  }

  get connection(): number {
    return this.#connection;
  }

  /** Builds the first (or next) peer connection and offers it. */
  offer(): void {
    this.#arm();
    this.#run(() => this.#offerAnew());
  }

  /** The other side offers; if it does not, we do. */
  expect(): void {
    this.#arm();
  }

  receive(connection: number, body: SignalBody): void {
    this.#run(() => this.#receive(connection, body));
  }

  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    return this.#run(async () => {
      const sender = this.#sender(source);
      await sender?.replaceTrack(track);
      if (sender && track) await applyCap(sender, source, this.#host.others());
    });
  }

  /** Fits what is sent to the number of people. */
  adapt(): void {
    this.#run(async () => {
      for (const source of SOURCES) {
        const sender = this.#sender(source);
        if (sender) await applyCap(sender, source, this.#host.others());
      }
    });
  }

  /** Takes new ICE servers over, for whatever is gathered from now on. */
  configure(): void {
    try {
      this.#pc?.setConfiguration?.(this.#configuration());
    } catch {
      // The next peer connection has them.
    }
  }

  /** Messages get through again: say what was not heard, and mend what had to wait. */
  refresh(): void {
    this.#alert(true);
    this.#run(() => {
      if (!this.#canSignal()) return;
      const waiting = this.#outbox.splice(0);
      // A description holds every candidate found so far, so it takes the place of all that waited.
      const repeated = this.#repeatOffer();
      if (!repeated) for (const { connection, body } of waiting) this.#say(body, connection);
      const due = this.#due && !this.#up;
      this.#due = false;
      // One of us is back: where there was a way before, there may be one again.
      if (this.#wanted || (!this.#up && this.state !== "connecting")) return repeated ? this.#arm() : this.#soon();
      if (!due) return;
      // The one who waits for a first offer goes on waiting: the other side, too, has just become able to send it.
      if (this.#pc || !this.polite) this.#mend();
      else this.#arm();
    });
  }

  /** There may be another network. `moved`: there is, so that even what is up looks for its way anew. */
  networkChanged(moved: boolean): void {
    this.#alert(moved);
    this.#run(() => {
      const state = this.#pc?.connectionState;
      if (this.#pc && (moved || state === "disconnected" || state === "failed")) this.#soon();
    });
  }

  /** Looks for another way, without giving up the one there is. */
  restart(): void {
    this.#run(() => {
      if (this.#pc) this.#soon();
    });
  }

  /** Messages to us may have been lost: what was never up is built anew. */
  renew(): void {
    this.#run(() => {
      if (!this.#pc || this.state !== "connecting") return;
      this.#attempts = Math.max(this.#attempts, 1);
      if (this.#canSignal()) this.#mend();
      else this.#due = true;
    });
  }

  /** The person asks for another attempt: at once, and with the patience of the beginning. */
  retry(): void {
    this.#run(() => {
      if (this.#pc?.connectionState === "connected") return;
      // Not 0: a restart of what has failed several times would be one more of the same.
      this.#attempts = 1;
      this.#set("connecting");
      if (this.#canSignal()) this.#mend();
      else this.#due = true;
    });
  }

  track(source: Source): MediaStreamTrack | null {
    const track = this.#transceivers[SOURCES.indexOf(source)]?.receiver.track;
    return track && !track.muted && track.readyState === "live" ? track : null;
  }

  audioLevel(): number | undefined {
    const receiver = this.#transceivers[0]?.receiver;
    return receiver?.getSynchronizationSources?.()[0]?.audioLevel;
  }

  async report(): Promise<RTCStatsReport | null> {
    return this.#pc?.getStats() ?? null;
  }

  close(): void {
    this.#closed = true;
    this.#teardown();
  }

  // Negotiation. Everything below runs in the queue.

  #run(task: () => void | Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      if (this.#closed) return;
      const pc = this.#pc;
      try {
        await task();
      } catch (error) {
        // One message that the browser does not take ends nothing: the connection is mended when it does not come up.
        if (pc === this.#pc && !this.#closed) console.warn("fireside: peer connection", error);
      }
    });
    return this.#queue;
  }

  async #offerAnew(): Promise<void> {
    const pc = this.#build(this.#connection + 1);
    for (const source of SOURCES) pc.addTransceiver(KINDS[source], { direction: "sendrecv", streams: [this.#stream(source)] });
    await this.#adopt(pc);
    await this.#sendOffer(pc);
  }

  async #sendOffer(pc: RTCPeerConnection, options?: RTCOfferOptions): Promise<void> {
    this.#wanted = false;
    const offer = await pc.createOffer(options);
    await pc.setLocalDescription(offer);
    if (pc !== this.#pc) return;
    this.#say({ kind: "offer", sdp: pc.localDescription?.sdp ?? offer.sdp ?? "" });
    this.#repeated = false;
    this.#arm(ANSWER_MS);
  }

  async #receive(connection: number, body: SignalBody): Promise<void> {
    if (connection < this.#connection) return;
    if (connection > this.#connection) {
      if (body.kind !== "offer") return;
      this.#build(connection);
    }
    switch (body.kind) {
      case "offer":
        return this.#offered(body.sdp);
      case "answer":
        return this.#answered(body.sdp);
      case "candidate":
        if (this.#candidates.length < WAITING_CANDIDATES) this.#candidates.push(body);
        return this.#addCandidates();
    }
  }

  async #offered(sdp: string): Promise<void> {
    let pc = this.#pc;
    if (!pc) return;
    if (pc.signalingState !== "stable") {
      if (!this.polite) return;
      // A first offer is given up with its whole connection: rolled back, its media sections would come again beside theirs.
      if (pc.currentRemoteDescription) await pc.setLocalDescription({ type: "rollback" });
      else pc = this.#build(this.#connection);
    }
    // They are mending it already.
    const [before, now] = [fragments(pc.currentRemoteDescription?.sdp ?? ""), fragments(sdp)];
    if (before[0] !== now[0]) this.#wanted = false;
    if (pc.connectionState !== "connected") {
      if (this.state === "connected") this.#set("reconnecting");
      this.#attempted();
      this.#arm();
    }
    await pc.setRemoteDescription({ type: "offer", sdp: withSilence(sdp) });
    await this.#adopt(pc);
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);
    if (pc !== this.#pc) return;
    this.#say({ kind: "answer", sdp: pc.localDescription?.sdp ?? answer.sdp ?? "" });
    await this.#addCandidates();
    this.adapt();
  }

  async #answered(sdp: string): Promise<void> {
    const pc = this.#pc;
    if (pc?.signalingState !== "have-local-offer") return;
    await pc.setRemoteDescription({ type: "answer", sdp: withSilence(sdp) });
    // What has changed since this offer was made wants another.
    if (this.#wanted) this.#soon();
    else if (pc.connectionState !== "connected") this.#arm();
    await this.#addCandidates();
    this.adapt();
  }

  /** Adds those that belong to the description we have; the others wait for theirs, or belonged to an offer that was given up. */
  async #addCandidates(): Promise<void> {
    const description = this.#pc?.remoteDescription;
    if (!this.#pc || !description) return;
    const known = fragments(description.sdp);
    const fits = ({ username_fragment: name }: Candidate): boolean => !name || known.includes(name);
    const ready = this.#candidates.filter(fits);
    this.#candidates = this.#candidates.filter((candidate) => !fits(candidate));
    for (const { candidate, sdp_mid, sdp_m_line_index, username_fragment } of ready) {
      await this.#pc
        ?.addIceCandidate({ candidate, sdpMid: sdp_mid, sdpMLineIndex: sdp_m_line_index, usernameFragment: username_fragment })
        .catch(() => undefined);
    }
  }

  /** Takes the media sections as ours: what we send goes in, what comes out is watched. */
  async #adopt(pc: RTCPeerConnection): Promise<void> {
    if (this.#transceivers.length > 0) return;
    this.#transceivers = pc.getTransceivers().slice(0, SOURCES.length);
    for (const [index, transceiver] of this.#transceivers.entries()) {
      const source = SOURCES[index]!;
      if (transceiver.receiver.track.kind !== KINDS[source]) continue;
      transceiver.direction = "sendrecv";
      transceiver.sender.setStreams?.(this.#stream(source));
      const changed = (): void => void (pc === this.#pc && this.#host.changed(this.id));
      for (const event of ["unmute", "mute", "ended"]) transceiver.receiver.track.addEventListener(event, changed);
      const track = this.#host.tracks.get(source);
      if (track) await transceiver.sender.replaceTrack(track);
    }
  }

  #build(connection: number): RTCPeerConnection {
    this.#teardown();
    this.#connection = connection;
    this.#worked = this.#wanted = this.#lossy = false;
    if (this.state === "connected") this.#set("reconnecting");
    this.#arm();
    const pc = new RTCPeerConnection(this.#configuration());
    this.#pc = pc;
    pc.onicecandidateerror = (error) => this.#host.trace(error);
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate || candidate.candidate) this.#host.trace(candidate);
      if (!candidate?.candidate || pc !== this.#pc) return;
      const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment = null } = candidate;
      const body = { candidate: line, sdp_mid: sdpMid, sdp_m_line_index: sdpMLineIndex, username_fragment: usernameFragment };
      // In the queue, so that it never overtakes its description.
      void this.#run(() => this.#say({ kind: "candidate", ...body }, connection));
    };
    pc.onconnectionstatechange = () => pc === this.#pc && this.#connectionChanged(pc.connectionState);
    return pc;
  }

  #configuration(): RTCConfiguration {
    const { iceServers, relayOnly } = this.#host;
    return { iceServers: [...iceServers], iceTransportPolicy: relayOnly ? "relay" : "all", bundlePolicy: "max-bundle" };
  }

  #teardown(): void {
    clearTimeout(this.#timer);
    const pc = this.#pc;
    this.#pc = null;
    this.#transceivers = [];
    this.#candidates = [];
    this.#outbox = [];
    pc?.close();
  }

  #say(body: SignalBody, connection = this.#connection): void {
    if (connection !== this.#connection || this.#host.signal(this.id, connection, body)) return;
    if (this.#outbox.length < OUTBOX) this.#outbox.push({ connection, body });
  }

  #sender(source: Source): RTCRtpSender | undefined {
    const transceiver = this.#transceivers[SOURCES.indexOf(source)];
    return transceiver?.receiver.track.kind === KINDS[source] ? transceiver.sender : undefined;
  }

  /** Lips and voice belong together, and so do a screen and its sound. */
  #streams: Partial<Record<"person" | "screen", MediaStream>> = {};
  #stream(source: Source): MediaStream {
    return (this.#streams[source === "microphone" || source === "camera" ? "person" : "screen"] ??= new MediaStream());
  }

  // Mending.

  get #up(): boolean {
    return this.#pc?.connectionState === "connected";
  }

  #connectionChanged(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      this.#attempts = 0;
      this.#due = false;
      this.#worked = true;
      clearTimeout(this.#timer);
      if (this.#wanted) this.#soon();
      this.#set("connected");
      this.adapt();
      if (this.#lossy) this.#refreshPictures();
    } else if (state === "disconnected" || state === "failed") {
      this.#lossy = true;
      const failed = state === "failed";
      const giveWay = this.polite ? POLITE_MS : 0;
      if (this.state !== "connected") {
        // Mended already, unless it never was up.
        if (failed && this.#attempts === 0) this.#arm(giveWay);
        return;
      }
      if (performance.now() < this.#alertUntil) this.#soon();
      else this.#arm(failed ? giveWay : INTERRUPTED_MS);
      if (failed) this.#set("reconnecting");
      this.#host.interrupted();
    }
  }

  #refreshPictures(): void {
    this.#lossy = false;
    this.#run(async () => {
      for (const source of SOURCES) {
        const sender = this.#sender(source);
        if (sender) await sendWholePicture(sender);
      }
    });
  }

  /** `hope`: what has failed so far may work now. */
  #alert(hope: boolean): void {
    this.#alertUntil = performance.now() + ALERT_MS;
    if (!hope) return;
    this.#downSince = performance.now();
    if (this.state !== "connecting") this.#attempts = 0;
  }

  #attempted(): void {
    if (!this.#up && performance.now() - this.#downSince >= FAILED_MS) this.#set("failed");
  }

  /** An ICE restart, as soon as it may be. */
  #soon(): void {
    this.#wanted = true;
    this.#arm(Math.max(this.polite ? POLITE_SOON_MS : 0, this.#pause()));
  }

  /** How long to wait for the next attempt. */
  #pause(): number {
    const now = performance.now();
    this.#mended = this.#mended.filter((at) => now - at < 60_000);
    const [first = now] = this.#mended;
    const last = this.#mended.at(-1) ?? -Infinity;
    return this.#mended.length < PER_MINUTE ? last + PAUSE_MS - now : first + 60_000 - now;
  }

  #arm(ms = this.#patience()): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(() => this.#late()), ms);
  }

  #patience(): number {
    const mending = Math.min(LONGEST_MEND_MS, MEND_MS * MEND_GROWTH ** this.#attempts) * (0.8 + Math.random() * 0.4);
    const building = Math.min(LONGEST_PATIENCE_MS, STUCK_MS + this.#attempts * MORE_PATIENCE_MS);
    return (this.#worked ? mending : building) + (this.polite ? POLITE_MS : 0);
  }

  #late(): void {
    if (this.#up && !this.#wanted) {
      if (!this.#repeated && this.#canSignal()) this.#repeated = this.#repeatOffer();
      return this.#connectionChanged("connected");
    }
    if (!this.#up && this.state === "connected") {
      this.#set("reconnecting");
      if (this.polite && !this.#wanted) return this.#arm(POLITE_MS);
    }
    if (!this.#canSignal()) {
      this.#due = true;
    } else if (!this.#repeated && this.#repeatOffer()) {
      this.#repeated = true;
      this.#arm();
    } else {
      this.#mend();
    }
  }

  #mend(): void {
    const pause = this.#pause();
    if (pause > 0) return this.#arm(pause);
    this.#mended.push(performance.now());
    if (!this.#up) this.#attempts += 1;
    this.#attempted();
    this.#arm();
    const pc = this.#pc;
    if (!pc || this.#attempts > (this.#worked ? RESTARTS : 1)) void this.#run(() => this.#offerAnew());
    else if (!this.#repeatOffer() && pc.signalingState === "stable") void this.#run(() => this.#sendOffer(pc, { iceRestart: true }));
  }

  /** Says an offer that has no answer again: it may not have been heard, and twice does no harm. */
  #repeatOffer(): boolean {
    const offer = this.#pc?.signalingState === "have-local-offer" ? this.#pc.localDescription : null;
    if (offer) this.#say({ kind: "offer", sdp: offer.sdp });
    return offer !== null;
  }

  #canSignal(): boolean {
    return this.reachable && this.#host.signalling();
  }

  #set(state: PathState): void {
    if (this.state === state) return;
    if (state !== "failed") this.#downSince = performance.now();
    this.state = state;
    this.#host.changed(this.id);
  }
}
