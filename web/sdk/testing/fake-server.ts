// The server's side of the protocol, in memory: one meeting, replay, restart. For tests of the client alone.
import type { ChatMessage, ClientMessage, IceServer, Join, MediaState, Participant, ServerMessage, Welcome } from "../protocol.gen";
import { FakeSocket } from "./fake-socket";

interface Seat {
  participant: Participant;
  socket: FakeSocket | null;
  log: ServerMessage[];
}

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
  #kept = new Map<string, ChatMessage>();
  #run = 1;
  #ids = 0;

  constructor() {
    FakeSocket.onconnect = (socket) => this.#connect(socket);
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
    socket.heard = (message) =>
      queueMicrotask(() => {
        if (!this.up) return;
        if (message.type === "join") seat = this.#join(socket, message);
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
    const seq = join.resume?.seq ?? 0;
    const missed = replay ? seat.log.slice(seq) : [];
    socket.say({ type: "welcome", ...this.#welcome(seat, join, replay ? "replayed" : join.resume ? "snapshot" : "fresh") });
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
      topology: "mesh",
      change: 0,
      reason: "size",
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
    return { participant, socket: null, log: [] };
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
