// The server's side of the protocol, in memory: one meeting, replay, restart. For tests of the client alone.
import type {
  ChatMessage,
  ClientMessage,
  IceServer,
  Join,
  MediaState,
  Offer,
  Participant,
  ServerMessage,
  SlotUse,
  Source,
  Topology,
  Welcome,
} from "../protocol.gen";
import { FakePeer } from "./fake-peer";
import { FakeSocket } from "./fake-socket";

interface Seat {
  participant: Participant;
  socket: FakeSocket | null;
  log: ServerMessage[];
  /** The last offer for media that was heard of them. */
  offer: Offer | null;
  slots: Map<string, SlotUse>;
}

/** The name of somebody, a source, and the place that carries it: null empties it. */
type Placing = [kind: "audio" | "video", slot: number, of: [name: string, source: Source] | null];

export class FakeServer {
  up = true;
  /** A chat message is neither kept nor answered while this is so. */
  deaf = false;
  /** Chat is kept, but its author never hears of it. */
  mute = false;
  seats = new Map<string, Seat>();
  messages: ChatMessage[] = [];
  iceServers: IceServer[] = [];
  relayOnly = false;
  /** How media travels. */
  route: { topology: Topology; change: number; changing: boolean; reason: "size" } = {
    topology: "mesh",
    change: 0,
    changing: false,
    reason: "size",
  };
  /** Offers for media get no answer while this is so. */
  silent = false;
  #kept = new Map<string, ChatMessage>();
  #run = 1;
  /** By the name of who joined on them. */
  #sockets = new Map<string, FakeSocket[]>();
  #ids = 0;

  constructor() {
    FakeSocket.onconnect = (socket) => this.#connect(socket);
    FakePeer.serverIsThere = (peer) => this.up && (peer.currentRemoteDescription?.sdp.includes(`run-${this.#run}`) ?? false);
  }

  /** What the clients of this name have said, of this type. */
  heard<T extends ClientMessage["type"]>(name: string, type: T): (ClientMessage & { type: T })[] {
    const sockets = new Set(this.#sockets.get(name));
    return [...sockets].flatMap(({ sent }) => sent.filter((message): message is ClientMessage & { type: T } => message.type === type));
  }

  /** The meeting changes, or begins to, or has. */
  go(topology: Topology, changing: boolean): void {
    this.route = { topology, changing, change: this.route.change + (this.route.changing && !changing ? 0 : 1), reason: "size" };
    this.#all({ type: "topology", ...this.route });
  }

  /** What the places of somebody carry from now on. */
  place(name: string, ...placings: Placing[]): void {
    const seat = this.seat(name);
    const slots = placings.map(([kind, slot, of]) => {
      const track = of && { participant: this.seat(of[0]).participant.id, source: of[1] };
      const use: SlotUse = { kind, slot, track };
      seat.slots.set(`${kind}${slot}`, use);
      return use;
    });
    seat.socket?.say({ type: "slots", connection: seat.offer?.connection ?? 0, slots });
  }

  /** Something that is not numbered. */
  tell(name: string, message: ServerMessage): void {
    this.seat(name).socket?.say(message);
  }

  id(): string {
    return `0000-${String((this.#ids += 1)).padStart(4, "0")}`;
  }

  seat(name: string): Seat {
    return [...this.seats.values()].find(({ participant }) => participant.name === name)!;
  }

  /** Dies at once, with all it had in memory. */
  kill(): void {
    this.up = false;
    const seats = [...this.seats.values()];
    this.seats.clear();
    for (const { socket } of seats) socket?.drop();
  }

  restart(): void {
    this.#run += 1;
    this.up = true;
  }

  /** Somebody's connection breaks. */
  lose(name: string): void {
    const seat = this.seat(name);
    const { socket } = seat;
    seat.socket = null;
    seat.participant = { ...seat.participant, connected: false };
    this.#all({ type: "updated", participant: seat.participant }, seat.participant.id);
    socket?.drop();
  }

  remove(name: string, reason: "left" | "lost" = "left"): void {
    const { participant } = this.seat(name);
    this.seats.delete(participant.id);
    this.#all({ type: "left", participant: participant.id, reason });
  }

  deliver(seat: Seat, message: ServerMessage): void {
    seat.log.push(message);
    const seq = seat.log.length;
    const { socket } = seat;
    // Later than now, in order: as a network does.
    queueMicrotask(() => socket?.say({ seq, ...message }));
  }

  #connect(socket: FakeSocket): void {
    queueMicrotask(() => (this.up ? socket.open() : socket.drop()));
    let seat: Seat | null = null;
    let prepared: Offer | null = null;
    socket.heard = (message) =>
      queueMicrotask(() => {
        if (!this.up) return;
        if (message.type === "join") {
          seat = this.#join(socket, message);
          if (seat && message.prepared !== undefined && message.prepared === prepared?.connection) seat.offer = prepared;
          if (seat && message.offer && this.route.topology === "server") this.#answer(socket, (seat.offer = message.offer));
        } else if (!seat && message.type === "prepare") {
          prepared = message.offer;
          socket.say({ type: "prepared", topology: this.route.topology });
          if (this.route.topology === "server") this.#answer(socket, prepared);
        } else if (!seat && message.type === "ping") socket.say({ type: "pong" });
        else if (seat && seat.socket === socket) this.#message(seat, message);
      });
    socket.hungUp = () => {
      if (seat?.socket === socket) this.lose(seat.participant.name);
    };
  }

  #join(socket: FakeSocket, join: Join): Seat | null {
    const [id, run] = join.resume?.token.split("|") ?? [];
    const known = id === undefined ? undefined : this.seats.get(id);
    const replay = known !== undefined && Number(run) === this.#run;
    if (join.resume && !known && Number(run) === this.#run) {
      socket.say({ type: "denied", code: "resume_refused", message: "" });
      return null;
    }
    const seat = known ?? this.#newSeat(id ?? this.id(), join.name ?? "?", join.media);
    seat.socket = socket;
    const hand_raised_at = raised(seat, join.hand === true);
    seat.participant = {
      ...seat.participant,
      connected: true,
      media: join.media,
      hand_raised_at,
      name: join.name ?? seat.participant.name,
    };
    this.seats.set(seat.participant.id, seat);
    this.#sockets.set(seat.participant.name, [...(this.#sockets.get(seat.participant.name) ?? []), socket]);
    const seq = join.resume?.seq ?? 0;
    const missed = replay ? seat.log.slice(seq) : [];
    socket.say({ type: "welcome", ...this.#welcome(seat, join, replay ? "replayed" : join.resume ? "snapshot" : "fresh") });
    if (replay && seat.offer) {
      socket.say({ type: "slots", connection: seat.offer.connection, slots: [...seat.slots.values()].filter(({ track }) => track) });
    }
    missed.forEach((message, index) => socket.say({ seq: seq + 1 + index, ...message }));
    this.#all({ type: known ? "updated" : "joined", participant: seat.participant }, seat.participant.id);
    return seat;
  }

  #welcome(seat: Seat, join: Join, resumed: Welcome["resumed"]): Welcome {
    const after = join.resume?.chat_after ?? "";
    const whole = resumed !== "replayed";
    return {
      you: seat.participant.id,
      resume_token: `${seat.participant.id}|${this.#run}`,
      seq: whole ? seat.log.length : join.resume!.seq,
      resumed,
      ...(this.#run > 1 ? { recovering_ms: 20_000 } : {}),
      room: { code: "k7fq-2mzx-9tda", title: "Room" },
      ...this.route,
      participants: whole ? [...this.seats.values()].map(({ participant }) => participant) : [],
      chat: { messages: whole ? this.messages.filter(({ id }) => id > after) : [], more: false },
      ice_servers: this.iceServers,
      relay_only: this.relayOnly,
      run: this.#run,
      started_at: 0,
      now: 0,
      limits: { chat_chars: 4000, name_chars: 60, people: 8, mesh_people: 4, ping_interval_ms: 10_000, resume_window_ms: 20_000 },
    };
  }

  #newSeat(id: string, name: string, media: MediaState): Seat {
    const participant: Participant = {
      id,
      name,
      role: "guest",
      media,
      hand_raised_at: null,
      connected: true,
      joined_at: Number(id.slice(5)),
    };
    return { participant, socket: null, log: [], offer: null, slots: new Map() };
  }

  #message(seat: Seat, message: Exclude<ClientMessage, { type: "join" }>): void {
    const { id } = seat.participant;
    switch (message.type) {
      case "ping":
        return seat.socket?.say({ type: "pong" });
      case "signal": {
        const to = this.seats.get(message.to);
        if (to) this.deliver(to, { type: "signal", from: id, connection: message.connection, body: message.body });
        return;
      }
      case "offer":
        if (message.offer.connection !== seat.offer?.connection) seat.slots.clear();
        seat.offer = message.offer;
        return seat.socket ? this.#answer(seat.socket, message.offer) : undefined;
      case "media":
        seat.participant = { ...seat.participant, media: message.media };
        return this.#all({ type: "updated", participant: seat.participant }, id);
      case "hand":
        seat.participant = { ...seat.participant, hand_raised_at: raised(seat, message.raised) };
        return this.#all({ type: "updated", participant: seat.participant });
      case "rename":
        seat.participant = { ...seat.participant, name: message.name };
        return this.#all({ type: "updated", participant: seat.participant });
      case "chat":
        return this.#chat(seat, message);
      case "leave":
        this.remove(seat.participant.name);
        seat.socket?.say({ type: "bye", code: "left", message: "" });
        return seat.socket?.drop();
    }
  }

  #answer(socket: FakeSocket, { connection, sdp }: Offer): void {
    if (this.silent) return;
    const sections = [...sdp.matchAll(/^m=\w+/gm)].map(([line]) => `${line} 9 UDP/TLS/RTP/SAVPF 111`);
    // Another fragment for each of theirs: a restart is one on both sides.
    const theirs = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? "";
    const answer = ["a=ice-lite", `a=run-${this.#run}`, `a=ice-ufrag:s${theirs}`, ...sections, ""].join("\r\n");
    socket.say({ type: "answer", connection, sdp: answer });
  }

  #chat(seat: Seat, { id: name, text }: ClientMessage & { type: "chat" }): void {
    if (this.deaf) return;
    const from = seat.participant.id;
    let message = this.#kept.get(from + name);
    if (!message) {
      message = { id: this.id(), from, name: seat.participant.name, text, sent_at: 0 };
      this.#kept.set(from + name, message);
      this.messages.push(message);
      this.#all({ type: "chat", message }, from);
    }
    if (!this.mute) this.deliver(seat, { type: "chat_ack", id: name, message });
  }

  #all(message: ServerMessage, except?: string): void {
    for (const seat of this.seats.values()) if (seat.participant.id !== except) this.deliver(seat, message);
  }
}

/** Since when the hand is up, if it is. */
const raised = ({ participant }: Seat, hand: boolean): number | null => (hand ? (participant.hand_raised_at ?? Date.now()) : null);
