// A room without a server, for looking at the page (preview.html): people with painted pictures who talk, mute and write.
// Never part of the build: nothing that ships imports it.
import type {
  Chat,
  ChatMessage,
  Diagnosis,
  EndReason,
  JoinOptions,
  Limits,
  LinkSample,
  LocalParticipant,
  OwnMessage,
  Participant,
  Quality,
  Room,
  RoomEvents,
  RoomState,
  RouteInfo,
  Sight,
  Source,
  Uplink,
} from "../sdk";
import { painted } from "./painted";

type Listener = (detail: never) => void;

export interface MockOptions {
  people: number;
  screens: number;
  messages: number;
  title: string;
  /** What the connections are like. */
  network: Network;
  /** How many of the others have a camera on; by default all but one, in a large room two in five. */
  cameras?: number | undefined;
  /** How many pictures are held back. */
  held?: number | undefined;
  route?: RouteInfo | undefined;
}

export const NETWORKS = ["good", "mixed", "lost", "failed", "tcp", "poor", "connecting"] as const;
/** `mixed`: one of each. `lost`: the server and everybody away. `failed`: the others were never reached. `tcp`: all over TCP. */
export type Network = (typeof NETWORKS)[number];

const NAMES = [
  "Chloé Martin",
  "Ben Okafor",
  "Dmitri Moroz",
  "Aiko Tanaka",
  "Ruth Ben-David",
  "دينا الشريف",
  "Maximiliane Freifrau von Hohenlohe-Langenburg",
];

const GIVEN = "Maya Jonas Inès Tariq Lena Oskar Priya Mateo Nora Yusuf Hana Felix Zoë Samir Ida Kofi Elif Bruno Signe".split(" ");
const FAMILY = "Lindqvist Haddad Moreau Petrov Nakamura Silva Brandt Adeyemi Novák Rossi Kaya Sørensen Iyer Dubois".split(" ");

/** As many different names as there may be people. */
function nameOf(index: number): string {
  const more = index - NAMES.length;
  const name = `${GIVEN[more % GIVEN.length] ?? ""} ${FAMILY[(more * 3) % FAMILY.length] ?? ""}`;
  const again = Math.floor(more / (GIVEN.length * FAMILY.length));
  return NAMES[index] ?? (again > 0 ? `${name} ${again + 1}` : name);
}

/** So many are connected with each other; more through the server, which sends what is shown. */
const MESH = 8;

export class MockRoom implements Room {
  state: RoomState = { kind: "connected" };
  info;
  limits: Limits = { chat_chars: 4000, name_chars: 60, people: 500, mesh_people: MESH, ping_interval_ms: 10_000, resume_window_ms: 20_000 };
  local: MockPerson;
  participants: MockPerson[];
  chat: MockChat;
  startedAt = Date.now() - 724_000;
  route: RouteInfo;
  speaker: MockPerson | null = null;
  voices: readonly MediaStreamTrack[] = [];
  /** What the page said last that it shows. */
  sights: readonly Sight[] | null = null;
  #network: Network = "good";
  #listeners = new Map<string, Set<Listener>>();

  constructor(join: JoinOptions, options: MockOptions) {
    this.info = { code: join.code, title: options.title };
    this.local = new MockPerson("you", join.name ?? "Ada Lovelace", this);
    this.local.set("microphone", join.microphone ?? null);
    this.local.set("camera", join.camera ?? null);
    const cameras = options.cameras ?? (options.people > 12 ? Math.ceil(options.people * 0.4) : options.people);
    this.route = options.route ?? { topology: options.people > MESH ? "server" : "mesh", changing: false, reason: "size" };
    this.participants = Array.from({ length: options.people - 1 }, (_, index) =>
      // Those with a camera have come at any time.
      this.#person(
        nameOf(index),
        index,
        Math.floor((index * cameras) / (options.people - 1)) !== Math.floor(((index + 1) * cameras) / (options.people - 1)) ||
          cameras >= options.people,
      ),
    );
    this.participants
      .slice(0, options.held ?? 0)
      .forEach((person, index) => (person.held = person.heldScreen = index % 2 === 0 ? "line" : "server"));
    this.speaker = this.participants[0] ?? null;
    this.participants.slice(0, options.screens).forEach((person) => person.set("screen", painted(person.name, 1600, 1000, true)));
    this.chat = new MockChat(this, options.messages);
    this.#connect(options.network);
  }

  #person(name: string, index: number, camera = true): MockPerson {
    const person = new MockPerson(name, name, this);
    person.microphone = index !== 2 && index % 9 < 7;
    person.speaking = index === 0;
    person.camera = index !== 2 && camera;
    if (index === 1) person.handRaisedAt = 1;
    person.role = index === 0 ? "host" : index > 3 ? "guest" : "member";
    return person;
  }

  on<K extends keyof RoomEvents>(event: K, listener: (detail: RoomEvents[K]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(listener as Listener));
    return () => void set.delete(listener as Listener);
  }

  emit<K extends keyof RoomEvents>(event: K, detail: RoomEvents[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (detail: RoomEvents[K]) => void)(detail);
  }

  show(sights: readonly Sight[]): void {
    this.sights = sights;
    if (this.route.topology === "server") for (const person of this.participants) this.emit("updated", person);
  }

  /** Through the server comes what is shown. */
  sends(person: MockPerson, source: Source): boolean {
    if (this.route.topology === "mesh" || person === this.local) return true;
    return this.sights?.some((sight) => sight.id === person.id && sight.source === source) ?? false;
  }

  travel(route: RouteInfo): void {
    this.route = route;
    this.emit("route", route);
  }

  /** One after the other says something, as in a lively meeting. */
  talk(): void {
    let turn = 0;
    setInterval(() => {
      turn = (turn * 31 + 17) % this.participants.length;
      const next = this.participants[turn];
      if (next) this.speaks(next);
    }, 2500);
  }

  /** This person speaks now, and nobody else. */
  speaks(person: MockPerson): void {
    this.speaker?.change({ speaking: false });
    this.speaker = person;
    person.change({ speaking: true, microphone: true });
    this.emit("speaker", person);
  }

  /** So many voices come through. */
  sound(count: number): void {
    const context = new AudioContext();
    const more = Array.from({ length: Math.max(0, count - this.voices.length) }, () => context.createMediaStreamDestination());
    this.voices = [...this.voices, ...more.flatMap(({ stream }) => stream.getAudioTracks())].slice(0, count);
    this.emit("voices", undefined);
  }

  join(name: string): MockPerson {
    const person = this.#person(name, 9);
    this.participants = [...this.participants, person];
    this.emit("participants", undefined);
    this.emit("joined", person);
    return person;
  }

  depart(person: MockPerson): void {
    this.participants = this.participants.filter((other) => other !== person);
    this.emit("participants", undefined);
    this.emit("left", { participant: person, reason: "left" });
  }

  /** The way to somebody is interrupted: their tracks end with their peer connection. */
  interrupt(index: number): void {
    const person = this.participants[index];
    if (!person) return;
    person.track("camera")?.stop();
    person.unheard = true;
    person.change({ connection: "reconnecting", quality: "lost" });
  }

  /** It is back, with new tracks, whose first picture takes its time. */
  restore(index: number): void {
    const person = this.participants[index];
    if (!person) return;
    person.set("camera", painted(person.name, 640, 360, false, 600));
    person.unheard = false;
    person.change({ connection: "connected", quality: "good" });
  }

  become(state: RoomState): void {
    this.state = state;
    this.emit("state", state);
  }

  end(reason: EndReason): void {
    this.become({ kind: "ended", reason });
  }

  raiseHand(raised: boolean): void {
    this.local.handRaisedAt = raised ? Date.now() : null;
    this.emit("updated", this.local);
  }

  rename(name: string): void {
    this.local.name = name;
    this.emit("updated", this.local);
  }

  retry(id: string): void {
    const person = this.participants.find((one) => one.id === id);
    person?.change({ connection: "connecting" });
    setTimeout(() => {
      person?.change({ connection: "failed" });
      if (person) this.emit("unreachable", { participant: person, diagnosis: diagnosis(0) });
    }, 4000);
  }

  stats(id: string): LinkSample | null {
    return this.history(id).at(-1) ?? null;
  }

  history(id: string): readonly LinkSample[] {
    return this.participants.find((one) => one.id === id)?.history ?? [];
  }

  uplink(): Uplink {
    const kbits = this.participants.reduce((sum, one) => sum + (one.history.at(-1)?.kbitsOut ?? 0), 0);
    return { kbits, limited: this.local.quality === "poor" ? "bandwidth" : null };
  }

  diagnosis(): Promise<Diagnosis> {
    return Promise.resolve({ ...diagnosis(0), kind: this.#network === "tcp" ? "udp_blocked" : "unknown" });
  }

  /** Makes the connections what they are like on this network. */
  #connect(network: Network): void {
    this.#network = network;
    for (const [index, person] of this.participants.entries()) {
      const [connection, quality, via] = CONNECTIONS[network][index % CONNECTIONS[network].length] ?? ["connected", "good", "direct udp"];
      const [path, transport] = via.split(" ") as ["direct" | "relay", "udp" | "tcp" | "tls"];
      Object.assign(person, { connection, quality, speaking: person.speaking && connection === "connected" });
      // Nothing has ever come from them.
      if (connection === "failed" || connection === "connecting") person.unheard = true;
      if (connection === "failed" || connection === "connecting") continue;
      person.history = readings(index + 1, path, transport, quality);
      if (this.route.topology === "server")
        person.history = person.history.map((one) => ({ ...one, kbitsIn: Math.round(one.kbitsIn / 4), via: "server" }));
    }
    if (network === "poor") this.local.quality = "poor";
    // When the page listens.
    setTimeout(() => {
      if (network === "lost") this.become({ kind: "reconnecting", retry_at: null });
      for (const [index, participant] of this.participants.entries()) {
        if (participant.connection === "failed") this.emit("unreachable", { participant, diagnosis: diagnosis(index) });
      }
    });
  }

  leave(): Promise<void> {
    this.end("left");
    return Promise.resolve();
  }
}

export class MockPerson implements LocalParticipant {
  role: Participant["role"] = "member";
  microphone = false;
  camera = false;
  screen = false;
  handRaisedAt: number | null = null;
  connection: Participant["connection"] = "connected";
  quality: Quality = "good";
  history: readonly LinkSample[] = [];
  /** Their tracks do not reach us. */
  unheard = false;
  speaking = false;
  held: Participant["held"] = null;
  heldScreen: Participant["held"] = null;
  #tracks = new Map<Source, MediaStreamTrack>();

  constructor(
    readonly id: string,
    public name: string,
    private readonly room: MockRoom,
  ) {}

  track(source: Source): MediaStreamTrack | null {
    if (this.unheard || (source === "camera" && this.held) || !this.room.sends(this, source)) return null;
    // Painted when it is looked at first: nobody paints two hundred people.
    if (source === "camera" && this.camera && !this.#tracks.has(source)) this.set(source, painted(this.name, 640, 360, false));
    return this.#tracks.get(source) ?? null;
  }

  set(source: Source, track: MediaStreamTrack | null): void {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    if (source !== "screen_audio") this[source] = track !== null;
  }

  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.track(source)?.stop();
    this.set(source, track);
    this.room.emit("updated", this);
    return Promise.resolve();
  }

  change(
    changes: Partial<Pick<MockPerson, "connection" | "quality" | "speaking" | "microphone" | "camera" | "held" | "handRaisedAt" | "name">>,
  ): void {
    Object.assign(this, changes);
    this.room.emit("updated", this);
  }
}

class MockChat implements Chat {
  messages: ChatMessage[];
  pending: OwnMessage[] = [];
  more = true;
  #next = 1000;

  constructor(
    private readonly room: MockRoom,
    count: number,
  ) {
    this.messages = TEXTS.slice(0, count).map(([from, text], index) => this.#message(from, text, Date.now() - 900_000 + index * 50_000));
  }

  #message(from: string, text: string, at: number): ChatMessage {
    return { id: String(this.#next++), from, name: from === "you" ? this.room.local.name : from, text, sent_at: at };
  }

  isOwn = (message: ChatMessage) => message.from === "you";

  /** Text with "fail" in it fails. */
  send(text: string): void {
    const own: OwnMessage = { id: `own ${this.#next++}`, text, state: "sending", at: Date.now() };
    this.pending = [...this.pending, own];
    this.room.emit("chat", undefined);
    setTimeout(() => this.#settle(own), 600);
  }

  #settle(own: OwnMessage): void {
    if (own.text.includes("fail")) this.pending = this.pending.map((other) => (other.id === own.id ? { ...own, state: "failed" } : other));
    else {
      this.pending = this.pending.filter((other) => other.id !== own.id);
      this.messages = [...this.messages, this.#message("you", own.text, own.at)];
    }
    this.room.emit("chat", undefined);
  }

  arrive(from: string, text: string): void {
    const message = this.#message(from, text, Date.now());
    this.messages = [...this.messages, message];
    this.room.emit("chat", undefined);
    this.room.emit("message", message);
  }

  retry(id: string): void {
    const own = this.pending.find((other) => other.id === id);
    this.discard(id);
    if (own) this.send(own.text.replace("fail", "well"));
  }

  discard(id: string): void {
    this.pending = this.pending.filter((other) => other.id !== id);
    this.room.emit("chat", undefined);
  }

  async loadOlder(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const first = this.messages[0]?.sent_at ?? Date.now();
    const older = Array.from({ length: 30 }, (_, i) =>
      this.#message(NAMES[i % 3] ?? "", `Older message ${i}`, first - (30 - i) * 3_600_000),
    );
    this.messages = [...older, ...this.messages];
    this.more = false;
  }
}

type Way = readonly [Participant["connection"], Quality, "direct udp" | "relay udp" | "relay tcp" | "relay tls"];

const CONNECTIONS: Record<Network, readonly Way[]> = {
  good: [["connected", "good", "direct udp"]],
  mixed: [
    ["connected", "good", "direct udp"],
    ["connected", "fair", "relay udp"],
    ["failed", "lost", "direct udp"],
    ["connected", "poor", "relay tls"],
    ["reconnecting", "lost", "direct udp"],
    ["connected", "poor", "relay tcp"],
  ],
  lost: [["reconnecting", "lost", "direct udp"]],
  failed: [["failed", "lost", "direct udp"]],
  tcp: [["connected", "fair", "relay tcp"]],
  poor: [["connected", "poor", "direct udp"]],
  connecting: [["connecting", "good", "direct udp"]],
};

const KINDS: readonly Diagnosis["kind"][] = ["all_blocked", "peer_unreachable", "udp_blocked", "relay_unreachable", "no_relay", "unknown"];

function diagnosis(index: number): Diagnosis {
  return {
    kind: KINDS[index % KINDS.length] ?? "unknown",
    failing: [],
    server: true,
    tried: [{ url: "turn:meet.example.org:443?transport=tcp", kind: "turn", transport: "tcp", outcome: "silent", code: 701 }],
    found: [{ kind: "host", transport: "udp" }],
  };
}

/** Two minutes of readings that look like a call: the same for the same seed. */
function readings(seed: number, path: "direct" | "relay", transport: LinkSample["transport"], quality: Quality): LinkSample[] {
  const worse = { good: 0, fair: 1, poor: 2, lost: 1 }[quality];
  return Array.from({ length: 60 }, (_, index) => {
    const sway = Math.sin(index / (3 + seed)) + Math.sin(index * 1.7 * seed) * 0.4;
    const at = performance.now() - (60 - index) * 2000;
    const away = (quality === "lost" && index > 54) || (worse > 0 && index > 20 && index < 24);
    if (away) return { at, quality: "lost", kbitsIn: 0, kbitsOut: 0, rtt: null, loss: null, jitter: null, path: null, transport: null };
    return {
      at,
      quality,
      kbitsIn: Math.round((1400 - worse * 480) * (1 + sway * 0.12)),
      kbitsOut: Math.round((760 - worse * 210) * (1 - sway * 0.1)),
      rtt: 18 + seed * 6 + worse * 210,
      loss: [0, 0.034, 0.12][worse] ?? 0,
      jitter: 3 + worse * 40,
      path,
      transport,
    };
  });
}

const TEXTS: [string, string][] = [
  ["Ben Okafor", "The build is green again. Notes: https://example.org/docs/2026-11.md"],
  ["Ben Okafor", "(the second page has the numbers)"],
  ["Chloé Martin", "Lovely, I'll share my screen for the last point."],
  ["you", "Thank you both"],
  ["you", "👍"],
  ["دينا الشريف", "مرحبا بالجميع، سأتأخر خمس دقائق."],
  [
    "Aiko Tanaka",
    "A longer thought that runs over several lines, so that one sees how the text wraps, and whereaverylongwordwithoutanyspaces_breaks_so_that_nothing_overflows.",
  ],
  ["you", "Let us look at https://example.org/a/very/long/path/that/does/not/fit/into/the/panel?with=a&query=too together."],
];
