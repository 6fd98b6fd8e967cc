// Both ways for media, and which of them somebody's voice or picture comes by now. The old way is kept until the new one shows it: a
// tile is never black meanwhile, and nobody is heard twice.
import type { RouteInfo, Sight, Source } from "../api";
import type { Trace } from "../monitor/diagnosis";
import type { ClientMessage, HeldReason, IceServer, Join, ParticipantId, SignalBody, Strain, Topology, Welcome } from "../protocol.gen";
import { Arrivals, type Reading } from "./arrivals";
import { Condition, type Reach } from "./condition";
import type { Link } from "./link";
import { Mesh } from "./mesh";
import { SENDING } from "./sections";
import { Settling } from "./settling";
import { Sfu, type ServerWord } from "./sfu";
import type { PathState, Present, SwitchHost } from "./transport";
import { View } from "./view";

/** What has not come the new way when a change is over shows its last picture for so long: the way that it came by would be black. */
const LAST_PICTURE_MS = 2_000;
/** And the page takes a moment to show the new one. */
const SHOWN_MS = 100;
/** A tile of which nobody has said how high it is. */
const HEIGHTS = { screen: 1080, camera: 360 } as const;

type Route = Pick<Welcome, "topology" | "change" | "changing" | "reason">;

export class Switchboard {
  route: RouteInfo = { topology: "mesh", changing: false, reason: "size" };
  /** Of the meeting: the change that `route` is of, and whether it is over (without an old way it is over for us at once). */
  #change = { number: 0, isOver: true };
  /** What is to be played now. */
  voices: readonly MediaStreamTrack[] = [];
  relayOnly = false;
  readonly tracks = new Map<Source, MediaStreamTrack | null>();
  readonly arrivals = new Arrivals();
  readonly #host: SwitchHost;
  readonly #mesh: Mesh;
  #sfu: Sfu | null = null;
  #prepared: Link | null;
  /** The number of the last connection with the server. */
  #connection = 0;
  #iceServers: readonly IceServer[] = [];
  #traces: Trace[] = [];
  #sights: readonly Sight[] | null = null;
  readonly #view = new View((tiles) => this.#sfu !== null && this.#host.send({ type: "view", tiles }));
  readonly #condition = new Condition((unreachable, strained) => this.#host.send({ type: "condition", unreachable, strained }));
  readonly #settling = new Settling(
    (change) => this.#host.send({ type: "settled", change }),
    () => this.sync(),
  );
  /** Tracks of the mesh in which something has arrived. */
  readonly #arrived = new WeakSet<MediaStreamTrack>();
  readonly #awaited = new Map<MediaStreamTrack, () => void>();
  readonly #readings = new Map<ParticipantId, Reading>();
  /** Whose sound has come by way of the server: they need not be in a place of it all the time. */
  readonly #heard = new Set<string>();
  /** Since when everybody is reached peer to peer, in `performance.now()` time. */
  #meshUpAt = Infinity;
  #run: number | null = null;
  /** The way before, when a change is over; `isShown`: for its last pictures. */
  #old: { isShown: boolean; timer: ReturnType<typeof setTimeout> } | null = null;
  #syncing = false;
  #closed = false;

  /** `prepared`: a connection that the server knows already. */
  constructor(host: SwitchHost, prepared: Link | null = null) {
    this.#host = host;
    this.#prepared = prepared;
    this.#mesh = new Mesh({
      signal: (to, connection, body) => host.send({ type: "signal", to, connection, body }),
      changed: (id) => this.changed(id),
      interrupted: () => host.interrupted(),
    });
  }

  // What the server says.

  /** What to say at the door. */
  join(): Pick<Join, "offer" | "prepared"> {
    const offer = this.#sfu?.offerAtTheDoor();
    return offer ? { offer } : {};
  }

  /** `said`: what we said at the door. */
  welcome(welcome: Welcome, said: Pick<Join, "offer" | "prepared">): void {
    const fresh = welcome.resumed === "fresh";
    const gone = fresh || (this.#run !== null && this.#run !== welcome.run);
    this.#run = welcome.run;
    if (fresh) this.#mesh.begin(welcome.you);
    const sfu = this.#sfu;
    // A new run of the server counts anew.
    this.#go(welcome, fresh);
    if (sfu && sfu === this.#sfu) sfu.welcomed(said.offer?.connection, gone);
    this.#condition.again();
    this.#view.again();
    this.#settling.again();
    if (welcome.resumed === "snapshot") this.#mesh.renew();
  }

  /** How media travelled, for a server that has forgotten it: what no change was taking away from us. */
  get travelled(): Topology {
    return this.#change.isOver ? this.route.topology : "mesh";
  }

  setRoute(route: Route): void {
    const { number, isOver } = this.#change;
    // A replay of what the `welcome` has overtaken.
    if (route.change < number || (route.change === number && isOver && route.changing === true)) return;
    this.#go(route);
  }

  /** `fresh`: we are somebody new, who has no old way. */
  #go({ topology, change, changing = false, reason }: Route, fresh = false): void {
    const before = this.route;
    if (this.#old) this.#closeOther(before.topology);
    this.#change = { number: change, isOver: !changing };
    const both = changing && !fresh;
    this.route = { topology, changing: both, reason };
    this.#settling.begin(both ? change : null);
    this.#meshUpAt = Infinity;
    // What is shown needs not arrive once more, should we come back to it.
    if (both && !before.changing && before.topology === "mesh") for (const { track } of this.#meshTracks()) this.#arrived.add(track);
    if (topology === "server") this.#openServer();
    else for (const { id } of this.#host.people()) this.#reach(id);
    if (!both && before.changing && before.topology === topology) this.#part(!this.#isSeen());
    else if (!both) this.#closeOther(topology);
    // Without an old way there is none to wait for.
    if (changing && fresh) this.#host.send({ type: "settled", change });
    for (const { id } of this.#host.people()) this.#host.changed(id);
    this.sync();
  }

  message(message: ServerWord): void {
    this.#sfu?.message(message);
    if (message.type === "speaking") this.#host.spoken();
    this.sync();
  }

  receive(from: ParticipantId, connection: number, body: SignalBody): void {
    this.#mesh.receive(from, connection, body);
  }

  setIceServers(servers: readonly IceServer[], relayOnly = this.relayOnly): void {
    this.#iceServers = servers;
    this.relayOnly = relayOnly;
    this.#mesh.setIceServers(servers, relayOnly);
  }

  setSignalling(up: boolean): void {
    this.#mesh.setSignalling(up);
    this.#sfu?.setSignalling(up);
    this.sync();
  }

  // Who is here.

  add(id: ParticipantId): void {
    if (this.route.topology === "mesh") this.#mesh.add(id);
    this.sync();
  }

  remove(id: ParticipantId): void {
    this.#mesh.remove(id);
    this.#readings.delete(id);
    for (const source of SENDING) this.#heard.delete(key(id, source));
    this.sync();
  }

  setReachable(id: ParticipantId, reachable: boolean): void {
    this.#mesh.setReachable(id, reachable);
  }

  // What the person and the page want.

  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.tracks.set(source, track);
    await Promise.all([this.#mesh.setTrack(source, track), this.#sfu?.setTrack(source, track)]);
  }

  show(sights: readonly Sight[]): void {
    this.#sights = sights;
    this.sync();
  }

  /** What keeps us from sending to each of the others. */
  setStrained(strained: Strain | null): void {
    this.#condition.strained(strained);
  }

  // The ways.

  get iceServers(): readonly IceServer[] {
    return this.#iceServers;
  }

  get traces(): readonly Trace[] {
    return [...this.#mesh.traces, ...this.#traces];
  }

  /** Which way somebody's media comes now, all in all. */
  via(id: ParticipantId): Topology {
    const { topology, changing } = this.route;
    if (!changing || this.#stateBy(topology, id) === "connected") return topology;
    return other(topology);
  }

  state(id: ParticipantId): PathState {
    return this.#stateBy(this.via(id), id);
  }

  track(id: ParticipantId, source: Source): MediaStreamTrack | null {
    return this.#trackBy(this.#wayOf(id, source), id, source);
  }

  audioLevel(id: ParticipantId): number | undefined {
    if (this.#wayOf(id, "microphone") === "mesh") return this.#mesh.audioLevel(id);
    return this.#sfu?.find(id, "microphone")?.receiver.getSynchronizationSources?.()[0]?.audioLevel;
  }

  /** Null when there is no connection. What is received by way of the server is theirs alone. */
  async report(id: ParticipantId): Promise<RTCStatsReport | null> {
    if (this.via(id) === "mesh") return this.#mesh.report(id);
    const report = await this.#sfu?.report();
    if (!report) return null;
    const ids = SENDING.flatMap((source) => this.#sfu?.find(id, source)?.track.id ?? []);
    const theirs = new Map<string, unknown>();
    report.forEach((entry: { id: string; type: string; trackIdentifier?: string }) => {
      if (entry.type !== "inbound-rtp" || ids.includes(entry.trackIdentifier ?? "")) theirs.set(entry.id, entry);
    });
    return theirs as unknown as RTCStatsReport;
  }

  /** All that is received by way of the server; null when there is no connection. */
  serverReport = async (): Promise<RTCStatsReport | null> => (await this.#sfu?.report()) ?? null;

  restart(id: ParticipantId): void {
    if (this.via(id) === "mesh") this.#mesh.restart(id);
    else this.#sfu?.restart();
  }

  /** The way by the server is a direct one, or we would not reach it otherwise. */
  improve(id: ParticipantId): void {
    if (this.via(id) === "mesh") this.#mesh.improve(id);
  }

  retry(id: ParticipantId): void {
    if (this.route.topology === "server") this.#sfu?.retry();
    if (this.#mesh.has(id)) this.#mesh.retry(id);
  }

  networkChanged(moved: boolean): void {
    if (moved) {
      this.#traces = [];
      this.#condition.forget();
    }
    this.#mesh.networkChanged(moved);
    this.#sfu?.networkChanged(moved);
  }

  held(id: ParticipantId, source: Source): HeldReason | null {
    return (this.#wayOf(id, source) === "server" && this.#sfu?.held(id, source)) || null;
  }

  /** Who speaks, as the server hears it; null: it does not. */
  get speaking(): { participants: ReadonlySet<ParticipantId>; speaker: ParticipantId | null } | null {
    const sfu = this.#sfu;
    if (this.route.topology !== "server" || sfu?.state !== "connected" || !sfu.speaking) return null;
    return { participants: sfu.speaking, speaker: sfu.speaker };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#old?.timer);
    this.#settling.close();
    this.#condition.close();
    this.arrivals.close();
    this.#view.close();
    this.#mesh.close();
    this.#sfu?.close();
    this.#prepared?.close();
  }

  // What the ways tell.

  offer(offer: NonNullable<Join["offer"]>): boolean {
    return this.#host.send({ type: "offer", offer });
  }

  changed(id: ParticipantId | null): void {
    if (this.#closed) return;
    this.sync();
    for (const one of id === null ? this.#host.people().map((person) => person.id) : [id]) this.#host.changed(one);
  }

  renewed(): void {
    this.#view.again();
  }

  interrupted(): void {
    this.#host.interrupted();
  }

  trace(trace: Trace): void {
    if (this.#traces.push(trace) > 256) this.#traces.shift();
  }

  /** Brings everything that follows from where things stand up to date, once for all that happens now. */
  sync(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    queueMicrotask(() => {
      this.#syncing = false;
      if (this.#closed) return;
      this.#look();
      this.#await();
      this.#play();
      this.#assess();
      this.#settle();
      if (this.#old?.isShown && this.#isSeen()) this.#part(false);
    });
  }

  // Opening and closing.

  #openServer(): void {
    if (this.#sfu) return this.#sfu.ensure();
    const prepared = this.#prepared;
    this.#prepared = null;
    this.#heard.clear();
    this.#sfu = new Sfu(this, this.#connection, this.#pictures().length, prepared);
  }

  #closeOther(topology: Topology): void {
    clearTimeout(this.#old?.timer);
    this.#old = null;
    this.#prepared?.close();
    this.#prepared = null;
    if (topology === "server") return this.#mesh.rest();
    this.#connection = this.#sfu?.connection ?? this.#connection;
    this.#sfu?.close();
    this.#sfu = null;
    this.#view.close();
  }

  /** From the old way, which is closed when nobody shows anything of it. */
  #part(isShown: boolean): void {
    clearTimeout(this.#old?.timer);
    const next = (): void => (isShown ? this.#part(false) : this.#closeOther(this.route.topology));
    this.#old = { isShown, timer: setTimeout(next, isShown ? LAST_PICTURE_MS : SHOWN_MS) };
    this.changed(null);
  }

  #reach(id: ParticipantId): void {
    this.#mesh.add(id);
    const person = this.#host.people().find((one) => one.id === id);
    if (person) this.#mesh.setReachable(id, person.reachable);
  }

  // Which way.

  #wayOf(id: ParticipantId, source: Source): Topology {
    const { topology, changing } = this.route;
    const isBoth = changing || (this.#old?.isShown && !isSound(source));
    if (!isBoth || this.#isReady(topology, id, source)) return topology;
    return this.#trackBy(other(topology), id, source) ? other(topology) : topology;
  }

  /** What comes by the new way has arrived. */
  #isReady(topology: Topology, id: ParticipantId, source: Source): boolean {
    if (topology === "server") {
      // A connection that has ended shows its last pictures, for want of others.
      if (this.#sfu?.state !== "connected") return false;
      return this.#heard.has(key(id, source)) || this.#sfu.find(id, source)?.ready === true;
    }
    const track = this.#mesh.track(id, source);
    return track !== null && this.#arrived.has(track);
  }

  #trackBy(topology: Topology, id: ParticipantId, source: Source): MediaStreamTrack | null {
    return topology === "mesh" ? this.#mesh.track(id, source) : (this.#sfu?.find(id, source)?.track ?? null);
  }

  #stateBy(topology: Topology, id: ParticipantId): PathState {
    return topology === "mesh" ? this.#mesh.state(id) : (this.#sfu?.state ?? "connecting");
  }

  *#meshTracks(): Iterable<{ id: ParticipantId; source: Source; track: MediaStreamTrack }> {
    for (const person of this.#host.people()) {
      for (const source of SENDING) {
        const track = isOn(person, source) ? this.#mesh.track(person.id, source) : null;
        if (track) yield { id: person.id, source, track };
      }
    }
  }

  // What follows.

  /** Tells the server what is looked at, and has places for it. */
  #look(): void {
    if (!this.#sfu) return;
    this.#sfu.need(this.#pictures().length);
    this.#view.show(this.#sights ?? this.#pictures());
  }

  /** What is to be seen, the most important first. */
  #pictures(): readonly Sight[] {
    const people = new Map(this.#host.people().map((person) => [person.id, person]));
    const all = (): Sight[] =>
      (["screen", "camera"] as const).flatMap((source) => [...people.keys()].map((id) => ({ id, source, height: HEIGHTS[source] })));
    return (this.#sights ?? all()).filter(({ id, source }) => people.get(id)?.[source] === true);
  }

  /** Going back to a mesh: notices what arrives there. */
  #await(): void {
    const { topology, changing } = this.route;
    if (changing && topology === "server") {
      if (this.#sfu?.state !== "connected") this.#heard.clear();
      for (const { carries, ready } of this.#sfu?.audio ?? [])
        if (ready && carries) this.#heard.add(key(carries.participant, carries.source));
    }
    if ((!changing && !this.#old?.isShown) || topology === "server") {
      for (const stop of this.#awaited.values()) stop();
      return this.#awaited.clear();
    }
    for (const { id, track } of this.#meshTracks()) {
      if (this.#arrived.has(track) || this.#awaited.has(track)) continue;
      const arrived = (): void => {
        this.#awaited.delete(track);
        this.#arrived.add(track);
        this.changed(id);
      };
      this.#awaited.set(track, this.arrivals.expect(track, this.#reading(id), arrived, true));
    }
  }

  #reading(id: ParticipantId): Reading {
    let reading = this.#readings.get(id);
    if (!reading) this.#readings.set(id, (reading = () => this.#mesh.report(id)));
    return reading;
  }

  /** Everybody's sound comes one way alone. */
  #play(): void {
    const { topology, changing } = this.route;
    const voices: MediaStreamTrack[] = [];
    for (const { id, source, track } of this.#meshTracks()) {
      if (!isSound(source)) continue;
      track.enabled = this.#wayOf(id, source) === "mesh";
      if (changing || topology === "mesh") voices.push(track);
    }
    for (const { carries, track } of this.#sfu?.audio ?? []) {
      // Who is in none of the places yet comes the old way: by the server when it is left, else not from here.
      const theirs = carries ? this.#wayOf(carries.participant, carries.source) === "server" : topology === "mesh";
      track.enabled = changing ? theirs : topology === "server";
      if (changing || topology === "server") voices.push(track);
    }
    if (voices.length === this.voices.length && voices.every((track, index) => track === this.voices[index])) return;
    this.voices = voices;
    this.#host.voices();
  }

  #assess(): void {
    const reach = ({ id, reachable }: Present): Reach => {
      if (this.#mesh.state(id) === "connected") return "reached";
      return this.#mesh.has(id) && reachable ? "missed" : "unknown";
    };
    this.#condition.assess(new Map(this.#host.people().map((person) => [person.id, reach(person)])));
  }

  #settle(): void {
    const { topology, changing } = this.route;
    if (!changing) return;
    const people = this.#host.people().filter(({ reachable }) => reachable);
    if (people.some(({ id }) => this.#mesh.state(id) !== "connected")) this.#meshUpAt = Infinity;
    else this.#meshUpAt = Math.min(this.#meshUpAt, performance.now());
    const upAt = topology === "mesh" ? this.#meshUpAt : (this.#sfu?.upAt ?? Infinity);
    this.#settling.check(upAt, upAt < Infinity && this.#isAllHere());
  }

  /** All that is seen, and on the way to a mesh all that is heard, comes the new way. */
  #isAllHere(): boolean {
    const { topology } = this.route;
    const heard = topology === "mesh" ? this.#host.people().filter(({ reachable, microphone }) => reachable && microphone) : [];
    return this.#isSeen() && heard.every(({ id }) => this.#isReady(topology, id, "microphone"));
  }

  #isSeen(): boolean {
    const { topology } = this.route;
    const away = new Set(this.#host.people().flatMap(({ id, reachable }) => (reachable ? [] : [id])));
    const isHeld = (id: ParticipantId, source: Source): boolean => topology === "server" && this.#sfu?.held(id, source) != null;
    return this.#pictures().every(({ id, source }) => away.has(id) || this.#isReady(topology, id, source) || isHeld(id, source));
  }
}

const key = (id: ParticipantId, source: Source): string => `${id} ${source}`;
const isSound = (source: Source): boolean => source === "microphone" || source === "screen_audio";
const other = (topology: Topology): Topology => (topology === "mesh" ? "server" : "mesh");

function isOn(person: Present, source: Source): boolean {
  return person[source === "screen_audio" ? "screen" : source];
}
