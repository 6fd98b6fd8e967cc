// Everyone is connected to everyone. Who was here first (the smaller id) sends the first offer of a pair.
import type { Source } from "../api";
import type { IceServer, ParticipantId, SignalBody } from "../protocol.gen";
import type { Trace } from "../monitor/diagnosis";
import { Pair, type PairHost } from "./pair";
import type { MeshHost, PathState } from "./transport";

/** Seven peer connections leave about two hundred. */
const TRACES = 256;

export class Mesh implements PairHost {
  readonly tracks = new Map<Source, MediaStreamTrack | null>();
  iceServers: readonly IceServer[] = [];
  relayOnly = false;
  /** What gathering came to since the network last changed. */
  traces: Trace[] = [];
  readonly #pairs = new Map<ParticipantId, Pair>();
  /** The number of the last peer connection with those who are gone. They may know it still, and numbers never go down. */
  readonly #numbers = new Map<ParticipantId, number>();
  readonly #givenUp = new Set<ParticipantId>();
  readonly #host: MeshHost;
  #self: ParticipantId = "";
  #up = true;

  constructor(host: MeshHost) {
    this.#host = host;
  }

  /** We are in as somebody new: whatever was there before is closed. */
  begin(self: ParticipantId): void {
    this.#self = self;
    this.close();
    this.#numbers.clear();
    this.#givenUp.clear();
  }

  /** From now on, for all ways; what is connected stays. `relayOnly`: through the relay or not at all. */
  setIceServers(servers: readonly IceServer[], relayOnly = this.relayOnly): void {
    this.iceServers = servers;
    this.relayOnly = relayOnly;
    for (const pair of this.#pairs.values()) pair.configure();
  }

  has(id: ParticipantId): boolean {
    return this.#pairs.has(id);
  }

  /** Somebody is to be reached. Does nothing if they are known. */
  add(id: ParticipantId): void {
    if (this.#pairs.has(id)) return;
    const polite = this.#self > id;
    const pair = new Pair(id, polite, this, this.#numbers.get(id));
    this.#pairs.set(id, pair);
    // One whom we had given up may still know us, and would not offer.
    if (polite && !this.#givenUp.delete(id)) pair.expect();
    else pair.offer();
    this.#adapt();
  }

  remove(id: ParticipantId): void {
    const pair = this.#pairs.get(id);
    if (!pair) return;
    this.#drop(pair);
    this.#givenUp.add(id);
    this.#adapt();
  }

  /** Nobody is to be reached this way for now; everyone knows it. */
  rest(): void {
    for (const pair of this.#pairs.values()) this.#drop(pair);
  }

  /** Whether the server can hand them messages now. */
  setReachable(id: ParticipantId, reachable: boolean): void {
    const pair = this.#pairs.get(id);
    if (!pair || pair.reachable === reachable) return;
    pair.reachable = reachable;
    if (reachable) pair.refresh();
  }

  /** Whether we can reach the server. */
  setSignalling(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    if (up) for (const pair of this.#pairs.values()) pair.refresh();
  }

  /** There may be another network: ways that are not up are mended at once. `moved`: there is, and what is up looks for its way anew, too. */
  networkChanged(moved: boolean): void {
    if (moved) this.traces = [];
    for (const pair of this.#pairs.values()) pair.networkChanged(moved);
  }

  /** Looks for another way to them, without giving up the one there is. */
  restart(id: ParticipantId): void {
    this.#pairs.get(id)?.restart();
  }

  /** The same, where one side is enough: does nothing on the other. */
  improve(id: ParticipantId): void {
    const pair = this.#pairs.get(id);
    if (pair && !pair.polite) pair.restart();
  }

  /** Messages may have been lost on the way to us: ways that are not up are built anew. */
  renew(): void {
    for (const pair of this.#pairs.values()) pair.renew();
  }

  /** Builds the way to them anew at once, unless it is up. */
  retry(id: ParticipantId): void {
    this.#pairs.get(id)?.retry();
  }

  receive(from: ParticipantId, connection: number, body: SignalBody): void {
    this.#pairs.get(from)?.receive(connection, body);
  }

  /** What we send, from now on. Does not stop tracks. */
  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.tracks.set(source, track);
    await Promise.all([...this.#pairs.values()].map((pair) => pair.setTrack(source, track)));
  }

  state(id: ParticipantId): PathState {
    return this.#pairs.get(id)?.state ?? "connecting";
  }

  /** What they send, once it carries media. */
  track(id: ParticipantId, source: Source): MediaStreamTrack | null {
    return this.#pairs.get(id)?.track(source) ?? null;
  }

  /** Amplitude 0…1 of what is heard of them now; undefined where the browser does not say. */
  audioLevel(id: ParticipantId): number | undefined {
    return this.#pairs.get(id)?.audioLevel();
  }

  /** Null when there is no connection. */
  async report(id: ParticipantId): Promise<RTCStatsReport | null> {
    return (await this.#pairs.get(id)?.report()) ?? null;
  }

  close(): void {
    for (const pair of this.#pairs.values()) pair.close();
    this.#pairs.clear();
  }

  // What a pair asks.

  signal(to: ParticipantId, connection: number, body: SignalBody): boolean {
    return this.#up && this.#host.signal(to, connection, body);
  }

  changed(id: ParticipantId): void {
    this.#host.changed(id);
  }

  trace(trace: Trace): void {
    if (this.traces.push(trace) > TRACES) this.traces.shift();
  }

  interrupted(): void {
    this.#host.interrupted();
  }

  others(): number {
    return this.#pairs.size;
  }

  signalling(): boolean {
    return this.#up;
  }

  #drop(pair: Pair): void {
    pair.close();
    this.#numbers.set(pair.id, pair.connection);
    this.#pairs.delete(pair.id);
  }

  #adapt(): void {
    for (const pair of this.#pairs.values()) pair.adapt();
  }
}
