// An RTCPeerConnection without media, honest about what it refuses: descriptions in the wrong state, candidates without a
// description or of another one, changes after `close`. Two of them connect when each has the other's description and candidate,
// found in the network that there is now: directly where that works, else through a relay that one of them has.

type Direction = RTCRtpTransceiverDirection;

let ids = 0;

export class FakeTrack extends EventTarget {
  readonly id = `track ${(ids += 1)}`;
  enabled = true;
  readyState: "live" | "ended" = "live";
  muted = false;
  contentHint = "";
  constructor(
    readonly kind: "audio" | "video",
    readonly settings: MediaTrackSettings = {},
  ) {
    super();
  }
  getSettings(): MediaTrackSettings {
    return this.settings;
  }
  stop(): void {
    this.readyState = "ended";
  }
  mute(muted: boolean): void {
    if (this.muted === muted) return;
    this.muted = muted;
    this.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  }
}

export const fakeTrack = (kind: "audio" | "video", settings?: MediaTrackSettings): MediaStreamTrack =>
  new FakeTrack(kind, settings) as unknown as MediaStreamTrack;

class FakeSender {
  track: FakeTrack | null = null;
  parameters: RTCRtpSendParameters = { encodings: [{}] } as unknown as RTCRtpSendParameters;
  /** How often a picture was asked for that needs none before it. */
  wholePictures = 0;
  constructor(readonly pc: FakePeer) {}
  async replaceTrack(track: FakeTrack | null): Promise<void> {
    if (this.pc.signalingState === "closed") throw new DOMException("closed", "InvalidStateError");
    this.track = track;
    this.pc.flow();
  }
  setStreams(): void {}
  getParameters(): RTCRtpSendParameters {
    return structuredClone(this.parameters);
  }
  async setParameters(parameters: RTCRtpSendParameters, options?: { encodingOptions: { keyFrame: boolean }[] }): Promise<void> {
    this.parameters = parameters;
    if (options?.encodingOptions.some(({ keyFrame }) => keyFrame)) this.wholePictures += 1;
  }
}

interface FakeReceiver {
  track: FakeTrack;
  /** What was received in it so far. */
  counts: { packets: number; frames: number; whole: number };
  getSynchronizationSources(): { audioLevel?: number }[];
}

interface FakeTransceiver {
  mid: string | null;
  direction: Direction;
  sender: FakeSender;
  receiver: FakeReceiver;
}

interface Described {
  type: "offer" | "answer";
  sdp: string;
}

/** What a STUN or TURN server does with us. Silence is told late, as in browsers: as error 701 after forty seconds. */
export type Answer = "answers" | "is silent" | { refuses: number };

interface FakeCandidate extends RTCIceCandidateInit {
  type: RTCIceCandidateType;
  protocol: "udp";
  relayProtocol?: string | null;
  url?: string;
}

const lines = (sdp: string): string[] => [...sdp.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind!);
const candidates = ({ sdp }: Described): number => [...sdp.matchAll(/^a=candidate:/gm)].length;
const fragment = (description: Described | null): string | undefined => /^a=ice-ufrag:(\S+)/m.exec(description?.sdp ?? "")?.[1];

const relayProtocol = (url: string): string => (url.startsWith("turns:") ? "tls" : url.endsWith("=tcp") ? "tcp" : "udp");

export class FakePeer {
  static all: FakePeer[] = [];
  /** Nothing gets through while this is so. */
  static blocked = false;
  /** Two can reach each other without a relay. */
  static direct = true;
  /** What the server of this address does. */
  static servers: (url: string) => Answer = () => "answers";
  /** The network; what was found in an earlier one is worth nothing. */
  static network = 1;
  /** The server answers the checks of this one. */
  static serverIsThere: (peer: FakePeer) => boolean = () => true;
  /** Candidates that belonged to no description. */
  static refused = 0;
  static #fragments = 0;

  signalingState: RTCSignalingState = "stable";
  connectionState: RTCPeerConnectionState = "new";
  currentLocalDescription: Described | null = null;
  pendingLocalDescription: Described | null = null;
  currentRemoteDescription: Described | null = null;
  pendingRemoteDescription: Described | null = null;
  onicecandidate: ((event: { candidate: FakeCandidate | null }) => void) | null = null;
  onicecandidateerror: ((event: { url: string; errorCode: number; errorText: string }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  transceivers: FakeTransceiver[] = [];
  /** Of the generation that is in use. */
  heard = 0;
  restarts = 0;
  path: "direct" | "relay" | null = null;
  /** What is read of it: kbit/s each way, ms, part lost, standstills so far, what limits us, how high our picture goes out, and what the line carries (kbit/s). */
  quality = { kbits: 300, rtt: 20, loss: 0, freezes: 0, limited: "none", height: 360, capacity: 4_000 };
  #fragment = "";
  /** The network in which the candidates of this fragment were found. */
  #found = { fragment: "", network: 0 };
  #read = { at: performance.now(), bytes: 0, packets: 0, lost: 0 };

  constructor(public configuration: RTCConfiguration = {}) {
    FakePeer.all.push(this);
    this.#renew();
  }

  static reset(): void {
    FakePeer.all = [];
    FakePeer.blocked = false;
    FakePeer.refused = 0;
    FakePeer.direct = true;
    FakePeer.servers = () => "answers";
    FakePeer.network = 1;
    FakePeer.serverIsThere = () => true;
  }

  /** Everyone is in another network. Browsers notice after a while that nothing comes through any more. */
  static move(noticed = 3_000): void {
    FakePeer.network += 1;
    const lost = FakePeer.all.filter(({ connectionState }) => connectionState === "connected");
    setTimeout(() => {
      for (const peer of lost) if (!peer.alive && peer.connectionState === "connected") peer.become("disconnected");
    }, noticed);
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.#assertOpen();
    this.configuration = configuration;
  }

  get localDescription(): Described | null {
    return this.pendingLocalDescription ?? this.currentLocalDescription;
  }
  get remoteDescription(): Described | null {
    return this.pendingRemoteDescription ?? this.currentRemoteDescription;
  }

  addTransceiver(kind: "audio" | "video", init: RTCRtpTransceiverInit): FakeTransceiver {
    const track = new FakeTrack(kind);
    track.muted = true;
    const receiver = { track, counts: { packets: 0, frames: 0, whole: 0 }, getSynchronizationSources: () => [] };
    const transceiver = { mid: null, direction: init.direction ?? "sendrecv", sender: new FakeSender(this), receiver };
    if (init.sendEncodings) transceiver.sender.parameters.encodings = init.sendEncodings.map((encoding) => ({ ...encoding }));
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers(): FakeTransceiver[] {
    return [...this.transceivers];
  }

  async createOffer(options?: RTCOfferOptions): Promise<Described> {
    this.#assertOpen();
    if (options?.iceRestart) {
      this.restarts += 1;
      this.#renew();
    }
    const sections = this.transceivers.map(({ direction, receiver, sender }) => {
      const rids = sender.parameters.encodings.flatMap(({ rid }) => rid ?? []);
      return { kind: receiver.track.kind, attributes: [direction, ...(rids.length > 1 ? [`simulcast:send ${rids.join(";")}`] : [])] };
    });
    return { type: "offer", sdp: this.#sdp(sections) };
  }

  async createAnswer(): Promise<Described> {
    if (this.signalingState !== "have-remote-offer") throw new DOMException("no offer", "InvalidStateError");
    return { type: "answer", sdp: this.#sdp(lines(this.pendingRemoteDescription!.sdp).map((kind) => ({ kind, attributes: [] }))) };
  }

  async setLocalDescription(description: Described | { type: "rollback" }): Promise<void> {
    this.#assertOpen();
    if (description.type === "rollback") {
      if (this.signalingState !== "have-local-offer") throw new DOMException("nothing to roll back", "InvalidStateError");
      this.pendingLocalDescription = null;
      if (!this.currentLocalDescription) for (const transceiver of this.transceivers) transceiver.mid = null;
      this.#fragment = fragment(this.currentLocalDescription) ?? this.#fragment;
      this.signalingState = "stable";
      return;
    }
    if (description.type === "offer") {
      if (this.signalingState === "have-remote-offer") throw new DOMException("their offer first", "InvalidStateError");
      this.pendingLocalDescription = description as Described;
      this.signalingState = "have-local-offer";
      this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)));
    } else {
      if (this.signalingState !== "have-remote-offer") throw new DOMException("no offer", "InvalidStateError");
      this.#settle(description as Described, this.pendingRemoteDescription!);
    }
    this.#gather();
  }

  async setRemoteDescription(description: Described): Promise<void> {
    this.#assertOpen();
    if (description.type === "offer") {
      // Stricter than browsers, which would roll back by themselves.
      if (this.signalingState === "have-local-offer") throw new DOMException("our offer is out", "InvalidStateError");
      if (fragment(description) !== fragment(this.currentRemoteDescription)) this.heard = 0;
      if (this.currentRemoteDescription && fragment(description) !== fragment(this.currentRemoteDescription)) this.#renew();
      this.pendingRemoteDescription = description;
      this.heard += candidates(description);
      this.signalingState = "have-remote-offer";
      // Only sections without a transceiver of that mid bring one (RFC 8829, 5.10: those of addTransceiver are never reused).
      const known = this.transceivers.filter(({ mid }) => mid !== null).length;
      lines(description.sdp)
        .slice(known)
        .forEach((kind, index) => (this.addTransceiver(kind as "audio", { direction: "recvonly" }).mid = String(known + index)));
    } else {
      if (this.signalingState !== "have-local-offer") throw new DOMException("no offer of ours", "InvalidStateError");
      if (fragment(description) !== fragment(this.currentRemoteDescription)) this.heard = 0;
      this.heard += candidates(description);
      this.#settle(this.pendingLocalDescription!, description);
    }
  }

  async addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    this.#assertOpen();
    if (!this.remoteDescription) throw new DOMException("no description", "InvalidStateError");
    if (candidate.usernameFragment !== fragment(this.remoteDescription)) {
      FakePeer.refused += 1;
      throw new DOMException("unknown fragment", "OperationError");
    }
    this.heard += 1;
    this.#tryConnect();
  }

  async getStats(): Promise<Map<string, unknown>> {
    const { kbits, rtt, loss, freezes, limited, height, capacity } = this.quality;
    const now = performance.now();
    if (this.alive) {
      const bytes = (kbits / 8) * (now - this.#read.at);
      this.#read.bytes += bytes;
      this.#read.packets += (bytes / 1_000) * (1 - loss);
      this.#read.lost += (bytes / 1_000) * loss;
    }
    this.#read.at = now;
    const relayed = this.path === "relay";
    const line = { currentRoundTripTime: rtt / 1_000, availableOutgoingBitrate: capacity * 1_000 };
    const limits = { qualityLimitationReason: limited, frameHeight: height, frameWidth: (height * 16) / 9 };
    const entries = [
      { id: "t", type: "transport", selectedCandidatePairId: this.path ? "p" : undefined },
      { id: "p", type: "candidate-pair", ...line, localCandidateId: "l", remoteCandidateId: "r" },
      { id: "l", type: "local-candidate", candidateType: relayed ? "relay" : "host", protocol: "udp", relayProtocol: this.#relays[0] },
      { id: "r", type: "remote-candidate", candidateType: "host" },
      {
        id: "i",
        type: "inbound-rtp",
        kind: "video",
        timestamp: now,
        bytesReceived: this.#read.bytes,
        packetsReceived: this.#read.packets,
        packetsLost: this.#read.lost,
        freezeCount: freezes,
      },
      ...this.transceivers.map(({ receiver: { track, counts } }) => ({
        id: `in ${track.id}`,
        type: "inbound-rtp",
        kind: track.kind,
        trackIdentifier: track.id,
        packetsReceived: counts.packets,
        ...(track.kind === "video" ? { framesDecoded: counts.frames, keyFramesDecoded: counts.whole } : {}),
      })),
      { id: "o", type: "outbound-rtp", kind: "video", timestamp: now, bytesSent: this.#read.bytes, ...limits },
    ];
    return new Map(entries.map((entry) => [entry.id, entry]));
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
  }

  // The test's levers.

  become(state: RTCPeerConnectionState): void {
    if (this.connectionState === state || this.signalingState === "closed") return;
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  /** Packets get through. */
  get alive(): boolean {
    const there = !this.withServer || FakePeer.serverIsThere(this);
    return there && this.connectionState === "connected" && !FakePeer.blocked && this.#found.network === FakePeer.network;
  }

  /** Whoever has our description as theirs. */
  get other(): FakePeer | undefined {
    if (this.withServer) return undefined;
    const ours = fragment(this.currentLocalDescription);
    return FakePeer.all.find((peer) => peer.signalingState !== "closed" && ours && fragment(peer.currentRemoteDescription) === ours);
  }

  /** What is at the other end is a server, as far as it is there. */
  get withServer(): boolean {
    return this.currentRemoteDescription?.sdp.includes("a=ice-lite") ?? false;
  }

  /** Something arrives in the section of this index: sound, or so many frames, the first of them a whole one. */
  arrive(index: number, frames = 1, whole = 1): void {
    const { receiver } = this.transceivers[index]!;
    receiver.counts.packets += 1;
    if (receiver.track.kind === "video") {
      receiver.counts.frames += frames;
      receiver.counts.whole += whole;
    }
    receiver.track.mute(false);
  }

  /** Media reaches the other side: its tracks are unmuted by the first packet, and stay so. */
  flow(): void {
    const other = this.connectionState === "connected" ? this.other : undefined;
    this.transceivers.forEach(({ sender, direction }, index) => {
      if (sender.track && direction === "sendrecv") other?.transceivers[index]?.receiver.track.mute(false);
    });
  }

  #settle(local: Described, remote: Described): void {
    this.currentLocalDescription = local;
    this.currentRemoteDescription = remote;
    this.pendingLocalDescription = this.pendingRemoteDescription = null;
    this.signalingState = "stable";
    this.#tryConnect();
  }

  #tryConnect(): void {
    if (this.withServer && !FakePeer.blocked && FakePeer.serverIsThere(this)) {
      this.path = "direct";
      this.#found.network = FakePeer.network;
      return queueMicrotask(() => this.become("connected"));
    }
    const other = this.other;
    if (FakePeer.blocked || !other || other.other !== this || !this.heard || !other.heard) return;
    const both = [this, other];
    if (both.some((peer) => peer.#found.network !== FakePeer.network)) return;
    const direct = FakePeer.direct && both.every(({ configuration }) => configuration.iceTransportPolicy !== "relay");
    const relay = both.some((peer) => peer.#relays.length > 0);
    if (!direct && !relay) return;
    for (const peer of both) peer.path = direct ? "direct" : "relay";
    for (const peer of both) peer.become("connected");
    for (const peer of both) peer.flow();
  }

  get #urls(): string[] {
    return (this.configuration.iceServers ?? []).flatMap(({ urls }) => urls);
  }

  /** What the relays speak that would have us. */
  get #relays(): string[] {
    return this.#urls.filter((url) => url.startsWith("turn") && FakePeer.servers(url) === "answers").map(relayProtocol);
  }

  #gather(): void {
    const usernameFragment = this.#fragment;
    const described = this.localDescription;
    if (this.#found.fragment !== usernameFragment) this.#found = { fragment: usernameFragment, network: FakePeer.network };
    const init = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0, usernameFragment, protocol: "udp" as const };
    setTimeout(() => {
      for (const candidate of this.#candidates(init)) {
        // As in a browser, the description then holds what was found.
        if (described) described.sdp += "a=candidate:1\r\n";
        this.onicecandidate?.({ candidate });
      }
      const silent = this.#urls.filter((url) => FakePeer.servers(url) === "is silent");
      if (silent.length === 0) this.onicecandidate?.({ candidate: null });
      else setTimeout(() => this.#giveUp(usernameFragment, silent), 40_000);
    });
  }

  #giveUp(usernameFragment: string, urls: string[]): void {
    if (this.signalingState === "closed" || usernameFragment !== this.#fragment) return;
    for (const url of urls) this.onicecandidateerror?.({ url, errorCode: 701, errorText: "timed out" });
    this.onicecandidate?.({ candidate: null });
  }

  #candidates(init: Omit<FakeCandidate, "type">): FakeCandidate[] {
    const all = this.configuration.iceTransportPolicy !== "relay";
    const found: FakeCandidate[] = all ? [{ ...init, type: "host" }] : [];
    for (const url of this.#urls) {
      const answer = FakePeer.servers(url);
      if (answer === "is silent") continue;
      if (answer !== "answers") this.onicecandidateerror?.({ url, errorCode: answer.refuses, errorText: "" });
      else if (url.startsWith("turn")) found.push({ ...init, type: "relay", relayProtocol: relayProtocol(url), url });
      else if (all) found.push({ ...init, type: "srflx", url });
    }
    return found;
  }

  #renew(): void {
    this.#fragment = `f${(FakePeer.#fragments += 1)}`;
  }

  #sdp(sections: { kind: string; attributes: string[] }[]): string {
    const section = ({ kind, attributes }: (typeof sections)[number]): string[] => [
      `m=${kind} 9 UDP/TLS/RTP/SAVPF 111`,
      ...attributes.map((attribute) => `a=${attribute}`),
    ];
    return [`a=ice-ufrag:${this.#fragment}`, ...sections.flatMap(section), ""].join("\r\n");
  }

  #assertOpen(): void {
    if (this.signalingState === "closed") throw new DOMException("closed", "InvalidStateError");
  }
}
