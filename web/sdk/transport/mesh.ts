// Everyone is connected to everyone. Who was here first (the smaller id) sends the first offer of a pair.
import type { Source } from "../api";
import type { IceServer, ParticipantId, SignalBody } from "../protocol.gen";
import type { Trace } from "../monitor/diagnosis";
import { Pair, type PairHost } from "./pair";
import type { PathState, Transport, TransportHost } from "./transport";

/** Seven peer connections leave about two hundred. */
const TRACES = 256;

export class Mesh implements Transport, PairHost {
  readonly tracks = new Map<Source, MediaStreamTrack | null>();
  iceServers: readonly IceServer[] = [];
  relayOnly = false;
  traces: Trace[] = [];
  readonly #pairs = new Map<ParticipantId, Pair>();
  /** The number of the last peer connection with those who are gone. They may know it still, and numbers never go down. */
  readonly #numbers = new Map<ParticipantId, number>();
  readonly #host: TransportHost;
  #self: ParticipantId = "";
  #up = true;

  constructor(host: TransportHost) {
    this.#host = host;
  }

  begin(self: ParticipantId): void {
    this.#self = self;
    this.close();
    this.#numbers.clear();
  }

  setIceServers(servers: readonly IceServer[], relayOnly = this.relayOnly): void {
    this.iceServers = servers;
    this.relayOnly = relayOnly;
    for (const pair of this.#pairs.values()) pair.configure();
  }

  add(id: ParticipantId): void {
    if (this.#pairs.has(id)) return;
    const polite = this.#self > id;
    const last = this.#numbers.get(id) ?? 0;
    const pair = new Pair(id, polite, this, last);
    this.#pairs.set(id, pair);
    // One whom we had given up may still know us, and would not offer.
    if (polite && last === 0) pair.expect();
    else pair.offer();
    this.#adapt();
  }

  remove(id: ParticipantId): void {
    const pair = this.#pairs.get(id);
    if (!pair) return;
    pair.close();
    this.#numbers.set(id, pair.connection);
    this.#pairs.delete(id);
    this.#adapt();
  }

  setReachable(id: ParticipantId, reachable: boolean): void {
    const pair = this.#pairs.get(id);
    if (!pair || pair.reachable === reachable) return;
    pair.reachable = reachable;
    if (reachable) pair.refresh();
  }

  setSignalling(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    if (up) for (const pair of this.#pairs.values()) pair.refresh();
  }

  networkChanged(moved: boolean): void {
    if (moved) this.traces = [];
    for (const pair of this.#pairs.values()) pair.networkChanged(moved);
  }

  restart(id: ParticipantId): void {
    this.#pairs.get(id)?.restart();
  }

  improve(id: ParticipantId): void {
    const pair = this.#pairs.get(id);
    if (pair && !pair.polite) pair.restart();
  }

  renew(): void {
    for (const pair of this.#pairs.values()) pair.renew();
  }

  retry(id: ParticipantId): void {
    this.#pairs.get(id)?.retry();
  }

  receive(from: ParticipantId, connection: number, body: SignalBody): void {
    this.#pairs.get(from)?.receive(connection, body);
  }

  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.tracks.set(source, track);
    await Promise.all([...this.#pairs.values()].map((pair) => pair.setTrack(source, track)));
  }

  state(id: ParticipantId): PathState {
    return this.#pairs.get(id)?.state ?? "connecting";
  }

  track(id: ParticipantId, source: Source): MediaStreamTrack | null {
    return this.#pairs.get(id)?.track(source) ?? null;
  }

  audioLevel(id: ParticipantId): number | undefined {
    return this.#pairs.get(id)?.audioLevel();
  }

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

  #adapt(): void {
    for (const pair of this.#pairs.values()) pair.adapt();
  }
}
