// The way in: from options to a room.
import type { JoinError, JoinOptions, Room, Source } from "./api";
import type { DeniedCode } from "./protocol.gen";
import { describe, Meeting, type Wishes } from "./room";
import { Signal, type SignalEnd } from "./signal";

/** Enters a meeting. Rejects with `JoinError`; the tracks given then still belong to the caller. */
export function joinRoom(options: JoinOptions): Promise<Room> {
  const prepared = options.prepared instanceof Preparing ? options.prepared.take() : null;
  return new Promise((resolve, reject) => {
    const wishes: Wishes = { name: options.name, hand: false, tracks: tracksOf(options) };
    const told = describe(wishes);
    let room: Meeting | null = null;
    const handlers: SignalHandlers = {
      join: () => room?.join() ?? Object.assign(told, door.said()),
      resume: () => room?.resume() ?? {},
      welcome: (welcome) => {
        room ??= new Meeting(signal, wishes, told, welcome, prepared.link);
        room.welcome(welcome);
        resolve(room);
      },
      message: (message) => room?.message(message),
      state: (state) => {
        if (room) room.connection(state);
        else if (state.kind === "ended") reject(joinError(state.reason));
      },
    });
  });
}

function tracksOf({ microphone, camera }: JoinOptions): Wishes["tracks"] {
  const tracks = new Map<Source, MediaStreamTrack>();
  if (microphone) tracks.set("microphone", microphone);
  if (camera) tracks.set("camera", camera);
  return tracks;
}

function roomUrl(code: string): string {
  const { protocol, host } = globalThis.location;
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws/${encodeURIComponent(code)}`;
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
