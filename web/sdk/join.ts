// The way in: from options to a room.
import { roomUrl } from "./address";
import type { JoinError, JoinOptions, Room, Source } from "./api";
import { Preparing, type Prepared } from "./preparation";
import type { DeniedCode } from "./protocol.gen";
import { describe, Meeting, type Wishes } from "./room";
import { Signal, type SignalEnd, type SignalHandlers } from "./signal";
import type { Link } from "./transport/link";

/** Enters a meeting. Rejects with `JoinError`; the tracks given then still belong to the caller. */
export function joinRoom(options: JoinOptions): Promise<Room> {
  const door = new Door(options.prepared instanceof Preparing ? options.prepared.take() : null);
  return new Promise((resolve, reject) => {
    const wishes: Wishes = { name: options.name, hand: false, tracks: tracksOf(options) };
    let told = describe(wishes);
    let room: Meeting | null = null;
    const handlers: SignalHandlers = {
      join: () => room?.join() ?? (told = { ...describe(wishes), ...door.say() }),
      resume: () => room?.resume() ?? {},
      welcome: (welcome) => {
        room ??= new Meeting(signal, wishes, told, welcome, door.link);
        room.welcome(welcome);
        resolve(room);
      },
      message: (message) => room?.message(message),
      state: (state) => {
        if (room) return room.connection(state);
        if (state.kind !== "ended") return;
        door.link?.close();
        reject(joinError(state.reason));
      },
    };
    const signal = new Signal(options.url ?? roomUrl(options.code), handlers, door.socket);
  });
}

/** What was prepared, which the server knows on the first attempt alone. */
class Door {
  socket: WebSocket | null;
  link: Link | null;
  #said: Prepared["said"] | null;

  constructor(prepared: Prepared | null) {
    this.socket = prepared?.socket ?? null;
    this.link = prepared?.link ?? null;
    this.#said = prepared?.said ?? null;
  }

  say(): Prepared["said"] {
    const said = this.#said;
    this.#said = null;
    if (said) return said;
    this.link?.close();
    this.link = null;
    return {};
  }
}

function tracksOf({ microphone, camera }: JoinOptions): Wishes["tracks"] {
  const tracks = new Map<Source, MediaStreamTrack>();
  if (microphone) tracks.set("microphone", microphone);
  if (camera) tracks.set("camera", camera);
  return tracks;
}

const DENIED: ReadonlySet<string> = new Set([
  "room_not_found",
  "invalid_name",
  "room_full",
  "server_full",
  "resume_refused",
  "draining",
  "rate_limited",
  "unavailable",
] satisfies DeniedCode[]);

function joinError(reason: SignalEnd): JoinError {
  const code: JoinError["code"] = DENIED.has(reason) ? (reason as DeniedCode) : "unreachable";
  return Object.assign(new Error(`cannot join: ${code}`), { code });
}
