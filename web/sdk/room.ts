// One meeting as this client knows it: who is here, what is said, and what we send. Brings the server's word, the transport
// and the person's wishes together; none of these knows the others.
import type { LinkSample, Participant, Room, RoomEvents, RoomState, RouteInfo, Sight, Source, Uplink } from "./api";
import { Conversation } from "./chat";
import { Emitter } from "./emitter";
import type { Diagnosis } from "./monitor/diagnosis";
import type { Monitor } from "./monitor/monitor";
import type { Quality } from "./monitor/quality";
import { OwnPerson, RemotePerson } from "./participant";
import type { ClientMessage, Join, LeftReason, Limits, ParticipantId, Resume, RoomInfo, ServerMessage, Welcome } from "./protocol.gen";
import type { Participant as WireParticipant } from "./protocol.gen";
import type { SignalState } from "./signal";
import type { Link } from "./transport/link";
import { Switchboard } from "./transport/switchboard";
import type { SwitchHost } from "./transport/transport";

/** How often it is looked who speaks. */
const LISTEN_MS = 125;
/** Somebody who comes back at the end of the recovery after a restart is heard of by then. */
const LAST_MOMENT_MS = 3_000;
/** A state that the server had no room for is said again after this. */
const REPEAT_MS = 2_000;

/** The server, as the room needs it. */
export interface Line {
  send(message: Exclude<ClientMessage, { type: "join" }>): boolean;
  /** It may be broken. */
  wake(moved: boolean): void;
  leave(): Promise<void>;
}

/** What the person wants to be like, whether or not the server knows it yet. */
export interface Wishes {
  name: string | undefined;
  hand: boolean;
  tracks: Map<Source, MediaStreamTrack>;
}

type Message = Exclude<ServerMessage, { type: "welcome" | "denied" | "bye" | "pong" }>;

export class Meeting extends Emitter<RoomEvents> implements Room {
  state: RoomState = { kind: "connected" };
  info: RoomInfo;
  limits: Limits;
  startedAt = 0;
  readonly local: OwnPerson;
  readonly chat: Conversation;
  #participants: readonly RemotePerson[] = [];
  readonly #people = new Map<ParticipantId, RemotePerson>();
  readonly #transport: Switchboard;
  #speaker: RemotePerson | null = null;
  readonly #line: Line;
  readonly #wishes: Wishes;
  /** What the server was told at the door, to tell it what has changed since. */
  #told: Omit<Join, "resume">;
  /** What we are called as far as the server has said. */
  #confirmedName: string;
  /** Known from before the server restarted, not back yet. */
  #missing = new Set<ParticipantId>();
  #recovering: ReturnType<typeof setTimeout> | undefined;
  #repeating: ReturnType<typeof setTimeout> | undefined;
  /** The server's process. */
  #run: number | null = null;
  #monitor: Monitor | null = null;
  readonly #listening: ReturnType<typeof setInterval>;

  /** `prepared`: a connection with the server, as we have told it. */
  constructor(line: Line, wishes: Wishes, told: Omit<Join, "resume">, welcome: Welcome, prepared: Link | null = null) {
    super();
    this.#line = line;
    this.#wishes = wishes;
    this.#told = told;
    this.info = welcome.room;
    this.limits = welcome.limits;
    const own = welcome.participants.find(({ id }) => id === welcome.you) ?? nobody(welcome.you, wishes.name);
    this.local = new OwnPerson(own, wishes.tracks, {
      connection: () => this.#ownConnection(),
      quality: () => this.#monitor?.ownQuality(this.#participants) ?? "good",
      setTrack: (source, track) => this.#setTrack(source, track),
    });
    this.#confirmedName = own.name;
    const host: SwitchHost = {
      send: (message) => line.send(message),
      people: () => this.#participants,
      changed: (id) => this.#changed(id),
      voices: () => this.emit("voices"),
      spoken: () => this.#spoken(),
      interrupted: () => line.wake(false),
    };
    this.#transport = new Switchboard(host, prepared);
    this.chat = new Conversation({
      send: (message) => line.send(message),
      changed: () => this.emit("chat"),
      arrived: (message) => this.emit("message", message),
    });
    for (const [source, track] of wishes.tracks) {
      this.#take(source, track);
      void this.#transport.setTrack(source, track);
    }
    this.#listening = setInterval(() => this.#listen(), LISTEN_MS);
    globalThis.addEventListener?.("pagehide", this.#pageHidden);
  }

  get participants(): readonly Participant[] {
    return this.#participants;
  }

  get route(): RouteInfo {
    return this.#transport.route;
  }

  get speaker(): Participant | null {
    return this.#speaker;
  }

  get voices(): readonly MediaStreamTrack[] {
    return this.#transport.voices;
  }

  show(sights: readonly Sight[]): void {
    this.#transport.show(sights);
  }

  raiseHand(raised: boolean): void {
    if (this.#wishes.hand === raised) return;
    this.#wishes.hand = raised;
    this.#changeOwn({ hand_raised_at: raised ? Date.now() : null });
    this.#line.send({ type: "hand", raised });
  }

  rename(name: string): void {
    this.#wishes.name = name;
    this.#changeOwn({ name });
    this.#line.send({ type: "rename", name });
  }

  async leave(): Promise<void> {
    await this.#line.leave();
  }

  retry(id: ParticipantId): void {
    this.#transport.retry(id);
  }

  stats(id: ParticipantId): LinkSample | null {
    return this.history(id).at(-1) ?? null;
  }

  history(id: ParticipantId): readonly LinkSample[] {
    return this.#monitor?.history(id) ?? [];
  }

  uplink(): Uplink {
    return this.#monitor?.uplink() ?? { kbits: 0, limited: null };
  }

  async diagnosis(): Promise<Diagnosis> {
    return (await this.#watch()).diagnosis();
  }

  // What the connection tells.

  /** What to say at the door now. */
  join(): Omit<Join, "resume"> {
    this.#told = { ...describe(this.#wishes), ...this.#transport.join() };
    return this.#told;
  }

  /** What else to say when we come back. */
  resume(): Omit<Resume, "token" | "seq"> {
    const after = this.chat.messages.at(-1)?.id;
    return { ...(after === undefined ? {} : { chat_after: after }), topology: this.#transport.travelled };
  }

  welcome(welcome: Welcome): void {
    const fresh = welcome.resumed === "fresh";
    this.limits = welcome.limits;
    // In this machine's time, whose clock may be wrong.
    this.startedAt = welcome.started_at - welcome.now + Date.now();
    this.info = welcome.room;
    this.emit("room", this.info);
    this.#transport.setIceServers(welcome.ice_servers, welcome.relay_only === true);
    this.#transport.setSignalling(true);
    this.#transport.welcome(welcome, this.#told);
    this.emit("route", this.route);
    if (welcome.resumed !== "replayed") this.#reconcile(welcome);
    if (fresh) this.chat.begin(welcome.you, welcome.chat);
    else this.chat.resumed(welcome.resumed === "snapshot" ? welcome.chat : null);
    this.#tellChanges();
    // What the server relayed is gone with its process. Else it was the network that broke the connection, perhaps.
    if (this.#run !== welcome.run && this.#run !== null) this.#monitor?.relayGone();
    else void this.#monitor?.suspect();
    this.#run = welcome.run;
    this.#watch().catch(() => undefined);
  }

  message(message: Message): void {
    switch (message.type) {
      case "joined":
        return this.#present(message.participant);
      case "left":
        return this.#left(message.participant, message.reason);
      case "updated":
        return this.#updated(message.participant);
      case "signal":
        return this.#transport.receive(message.from, message.connection, message.body);
      case "topology":
        this.#transport.setRoute(message);
        this.emit("route", this.route);
        return this.#spoken();
      case "answer":
      case "dropped":
      case "slots":
      case "wanted":
      case "held":
      case "speaking":
        return this.#transport.message(message);
      case "chat":
        return this.chat.receive(message.message);
      case "chat_ack":
        return this.chat.acknowledge(message.id, message.message);
      case "history":
        return this.chat.history(message.page);
      case "ice_servers":
        return this.#transport.setIceServers(message.ice_servers);
      case "room":
        this.info = message.room;
        return this.emit("room", message.room);
      case "error":
        return this.#refused(message);
    }
  }

  connection(signal: SignalState): void {
    this.#transport.setSignalling(signal.kind === "open");
    if (signal.kind === "open") this.#setState({ kind: "connected" });
    else if (signal.kind === "ended") this.#end(signal.reason);
    else this.#setState({ kind: "reconnecting", retry_at: signal.kind === "waiting" ? signal.retryAt : null });
  }

  // Who is here.

  /** Makes the list what the server says it is. After a restart of the server those who are not back yet stay, as missing. */
  #reconcile(welcome: Welcome): void {
    clearTimeout(this.#recovering);
    this.#missing.clear();
    const here = new Set(welcome.participants.map(({ id }) => id));
    for (const person of this.#participants) {
      if (here.has(person.id)) continue;
      if (welcome.recovering_ms === undefined) this.#left(person.id, "lost");
      else this.#miss(person.id);
    }
    for (const wire of welcome.participants) {
      if (wire.id === welcome.you) this.#updateOwn(wire);
      else this.#present(wire);
    }
    // If we have come back as somebody new ourselves, the transport has to learn of the missing again.
    for (const id of this.#missing) this.#reach(id, false);
    if (this.#missing.size > 0) this.#recovering = setTimeout(() => this.#giveUp(), (welcome.recovering_ms ?? 0) + LAST_MOMENT_MS);
  }

  #miss(id: ParticipantId): void {
    const person = this.#people.get(id);
    if (!person) return;
    this.#missing.add(id);
    person.wire = { ...person.wire, connected: false };
    this.emit("updated", person);
  }

  #giveUp(): void {
    for (const id of [...this.#missing]) this.#left(id, "lost");
  }

  #present(wire: WireParticipant): void {
    if (wire.id === this.local.id) return this.#updateOwn(wire);
    this.#missing.delete(wire.id);
    const known = this.#people.get(wire.id);
    if (known) {
      known.wire = wire;
      this.#reach(wire.id, wire.connected);
      this.#transport.sync();
      return this.emit("updated", known);
    }
    const person = new RemotePerson(wire, this.#transport);
    this.#people.set(wire.id, person);
    this.#list();
    this.#reach(wire.id, wire.connected);
    this.emit("joined", person);
  }

  #reach(id: ParticipantId, connected: boolean): void {
    this.#transport.add(id);
    this.#transport.setReachable(id, connected);
  }

  #left(id: ParticipantId, reason: LeftReason): void {
    const participant = this.#people.get(id);
    if (!participant) return;
    this.#missing.delete(id);
    this.#people.delete(id);
    this.#transport.remove(id);
    participant.hush();
    this.#list();
    this.#look();
    this.emit("left", { participant, reason });
  }

  #updated(wire: WireParticipant): void {
    if (wire.id === this.local.id) return this.#updateOwn(wire);
    // Only `joined` and `welcome` bring somebody in.
    if (this.#people.has(wire.id)) this.#present(wire);
  }

  #list(): void {
    this.#participants = [...this.#people.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.emit("participants");
  }

  // Ourselves.

  #updateOwn(wire: WireParticipant): void {
    // Our tracks and our hand are as we say; the server's word on them may be older. Its name for us, and its time, hold.
    const hand = this.#wishes.hand ? (wire.hand_raised_at ?? this.local.wire.hand_raised_at ?? Date.now()) : null;
    this.local.wire = { ...wire, media: this.local.mediaState(), hand_raised_at: hand };
    this.#confirmedName = wire.name;
    this.emit("updated", this.local);
  }

  #changeOwn(change: Partial<WireParticipant>): void {
    this.local.wire = { ...this.local.wire, ...change };
    this.emit("updated", this.local);
  }

  #ownConnection(): Participant["connection"] {
    return this.state.kind === "ended" ? "failed" : this.state.kind;
  }

  async #setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (this.state.kind === "ended") return track?.stop();
    const old = this.local.tracks.get(source);
    if (track) this.#take(source, track);
    else this.local.tracks.delete(source);
    if (old && old !== track) old.stop();
    this.#changeOwn({ media: this.local.mediaState() });
    this.#line.send({ type: "media", media: this.local.mediaState() });
    await this.#transport.setTrack(source, track);
    // A screen's sound does not outlive its picture.
    if (source === "screen" && !track && this.local.tracks.has("screen_audio")) await this.#setTrack("screen_audio", null);
  }

  #take(source: Source, track: MediaStreamTrack): void {
    track.contentHint = HINTS[source];
    // Not fired by `stop`, only when the device or the sharing ends by itself.
    track.addEventListener("ended", () => {
      if (this.local.tracks.get(source) !== track) return;
      void this.#setTrack(source, null);
      this.emit("source_lost", source);
    });
    this.local.tracks.set(source, track);
  }

  /** What changed between our `join` and the answer to it. */
  #tellChanges(): void {
    const now = describe(this.#wishes);
    if (JSON.stringify(now.media) !== JSON.stringify(this.#told.media)) this.#line.send({ type: "media", media: now.media });
    if (now.hand !== this.#told.hand) this.#line.send({ type: "hand", raised: now.hand === true });
    if (now.name !== undefined && now.name !== this.#told.name) this.#line.send({ type: "rename", name: now.name });
  }

  #refused({ code, about }: Message & { type: "error" }): void {
    if (code === "invalid_name") {
      this.#wishes.name = this.#confirmedName;
      this.#changeOwn({ name: this.#confirmedName });
    }
    if (code === "rate_limited" && about === "media") this.#repeatState();
    // Somebody has left while a candidate for them was on its way: nothing that anyone could do about it.
    if (code === "unknown_participant") return;
    this.chat.refused(code, about);
    this.emit("refused", { code, about });
  }

  #repeatState(): void {
    clearTimeout(this.#repeating);
    this.#repeating = setTimeout(() => this.#line.send({ type: "media", media: this.local.mediaState() }), REPEAT_MS);
  }

  #changed(id: ParticipantId): void {
    const person = this.#people.get(id);
    if (!person) return;
    this.emit("updated", person);
    this.#monitor?.changed(id);
  }

  /** Loads what watches the ways, unless it is there. */
  async #watch(): Promise<Monitor> {
    const { Monitor } = await import("./monitor/monitor");
    if (this.#monitor) return this.#monitor;
    const people = this.#people;
    this.#monitor = new Monitor({
      transport: this.#transport,
      people: () => [...people.keys()],
      server: () => this.state.kind === "connected",
      networkChanged: (moved) => {
        this.#line.wake(moved);
        this.#transport.networkChanged(moved);
      },
      judged: (id, quality) => this.#judged(id, quality),
      measured: () => this.emit("measured"),
      unreachable: (id, diagnosis) => {
        const participant = people.get(id);
        if (participant) this.emit("unreachable", { participant, diagnosis });
      },
      strained: (strained) => this.#transport.setStrained(strained),
    });
    if (this.state.kind === "ended") this.#monitor.close();
    return this.#monitor;
  }

  #judged(id: ParticipantId, quality: Quality): void {
    const person = this.#people.get(id);
    if (!person || person.judged === quality) return;
    person.judged = quality;
    this.emit("updated", person);
    this.emit("updated", this.local);
  }

  #listen(): void {
    const now = performance.now();
    for (const person of [this.local, ...this.#participants]) if (person.listen(now)) this.emit("updated", person);
    if (this.#transport.speaking === null) this.#spoken();
  }

  /** The server said who speaks, or no longer hears it. */
  #spoken(): void {
    const word = this.#transport.speaking;
    for (const person of this.#participants) {
      const before = person.speaking;
      person.heard = word && word.participants.has(person.id);
      if (person.speaking !== before) this.emit("updated", person);
    }
    this.#look(word?.speaker);
  }

  /** Who is to be looked at: who the server says it is, else who speaks, and goes on until somebody else does. */
  #look(said?: ParticipantId | null): void {
    const before = this.#speaker && this.#people.get(this.#speaker.id) === this.#speaker ? this.#speaker : null;
    const speaks = before?.speaking ? before : this.#participants.find(({ speaking }) => speaking);
    const speaker = (said && this.#people.get(said)) || (said === undefined && speaks) || before;
    if (speaker === this.#speaker) return;
    this.#speaker = speaker;
    this.emit("speaker", speaker);
  }

  readonly #pageHidden = (event: PageTransitionEvent): void => {
    // Closed or reloaded: the others need not wait for us to come back.
    if (!event.persisted) void this.#line.leave();
  };

  #setState(state: RoomState): void {
    if (this.state.kind === "ended" || (state.kind === "connected" && this.state.kind === "connected")) return;
    this.state = state;
    this.emit("state", state);
    this.emit("updated", this.local);
  }

  #end(reason: (RoomState & { kind: "ended" })["reason"]): void {
    clearTimeout(this.#recovering);
    clearTimeout(this.#repeating);
    clearInterval(this.#listening);
    this.#monitor?.close();
    globalThis.removeEventListener?.("pagehide", this.#pageHidden);
    this.#transport.close();
    for (const person of [this.local, ...this.#participants]) person.hush();
    for (const track of this.local.tracks.values()) track.stop();
    this.local.tracks.clear();
    this.#changeOwn({ media: this.local.mediaState() });
    this.#setState({ kind: "ended", reason });
    this.chat.ended();
  }
}

/** What the browser should care for when it has to choose. */
const HINTS: Record<Source, string> = { microphone: "speech", camera: "motion", screen: "detail", screen_audio: "music" };

export function describe({ name, hand, tracks }: Wishes): Omit<Join, "resume"> {
  const media = { microphone: tracks.has("microphone"), camera: tracks.has("camera"), screen: tracks.has("screen") };
  return { ...(name === undefined ? {} : { name }), media, ...(hand ? { hand } : {}) };
}

const nobody = (id: ParticipantId, name = ""): WireParticipant => ({
  id,
  name,
  role: "guest",
  media: { microphone: false, camera: false, screen: false },
  hand_raised_at: null,
  connected: true,
  joined_at: Date.now(),
});
