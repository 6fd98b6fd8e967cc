// The public face of the SDK: what the call page (or any embedder) sees. Classes that implement these live beside this file.
// No UI framework, no words for people: errors carry codes, the page says them.
import type {
  ByeCode,
  ChatMessage,
  DeniedCode,
  ErrorCode,
  HeldReason,
  LeftReason,
  Limits,
  ParticipantId,
  Role,
  RoomInfo,
  RouteReason,
  Topology,
} from "./protocol.gen";
import type { Diagnosis } from "./monitor/diagnosis";
import type { Quality } from "./monitor/quality";
import type { LinkStats } from "./stats";

/** What a participant can send. */
export type Source = "microphone" | "camera" | "screen" | "screen_audio";

export interface JoinOptions {
  /** `wss://host/ws/{code}`; by default from the page's own address. */
  url?: string;
  code: string;
  /** The name to be shown by; guests must give one. */
  name?: string;
  /** Tracks that are on from the start; the room takes them over and stops them when they are switched off. */
  microphone?: MediaStreamTrack | null;
  camera?: MediaStreamTrack | null;
  /** From `prepareRoom`, for the same room: used up by this. */
  prepared?: Preparation | undefined;
}

/** A way to the server that is open before the person joins. Without it joining takes a little longer and is the same otherwise. */
export interface Preparation {
  /** Not joining after all. */
  close(): void;
}

/** How media travels. The rest of the room is the same either way. */
export interface RouteInfo {
  topology: Topology;
  /** It is on its way to that; nothing is interrupted meanwhile. */
  changing: boolean;
  reason: RouteReason;
}

/** A tile in sight. */
export interface Sight {
  id: ParticipantId;
  source: "camera" | "screen";
  /** In pixels of the screen. */
  height: number;
  pinned?: boolean;
}

/** `Room.join` rejects with this. */
export interface JoinError extends Error {
  code: DeniedCode | "unreachable";
}

/** Typed events; `on` returns a function that stops listening. */
export interface Events<Map> {
  on<K extends keyof Map>(event: K, listener: (detail: Map[K]) => void): () => void;
}

export interface RoomEvents {
  /** `state` changed. */
  state: RoomState;
  /** Somebody came (not fired for those present at the start). */
  joined: Participant;
  left: { participant: Participant; reason: LeftReason };
  /** Name, media, hand, connection, quality, tracks or speaking of somebody changed, yourself included. */
  updated: Participant;
  /** Who is here changed in any way; `participants` is the new list. */
  participants: void;
  /** The conversation or the state of a message changed. */
  chat: void;
  /** A new message of somebody else. */
  message: ChatMessage;
  /** The server refused something that was sent. */
  refused: { code: ErrorCode; about: string | undefined };
  /** A track of ours ended by itself: unplugged, or sharing stopped from the browser's own bar. */
  source_lost: Source;
  /** The room's title changed. */
  room: RoomInfo;
  /** `route` changed. */
  route: RouteInfo;
  /** `speaker` changed. */
  speaker: Participant | null;
  /** `voices` changed. */
  voices: void;
  /** There are new readings: `stats`, `history` and `uplink` have them. About every two seconds, every ten while the page is hidden. */
  measured: void;
  /** Several attempts to reach somebody have failed (`connection` is `failed`); once for each time that this happens. It goes on trying. */
  unreachable: { participant: Participant; diagnosis: Diagnosis };
}

export type RoomState =
  | { kind: "connected" }
  /** Signalling is away; peer-to-peer media goes on. `retry_at`: when it tries next, in `performance.now()` time. */
  | { kind: "reconnecting"; retry_at: number | null }
  | { kind: "ended"; reason: EndReason };
/** `left`: we did. `lost`: could not come back. Else what the server said. */
export type EndReason = "left" | "lost" | ByeCode | DeniedCode;

export interface Room extends Events<RoomEvents> {
  readonly state: RoomState;
  readonly info: RoomInfo;
  readonly limits: Limits;
  readonly local: LocalParticipant;
  /** Everyone else, in the order they came. Objects keep their identity for as long as the person is in the call. */
  readonly participants: readonly Participant[];
  readonly chat: Chat;
  readonly route: RouteInfo;
  /** Of the others, the one to look at: who speaks, or spoke last. Null before anybody did. */
  readonly speaker: Participant | null;
  /** What is to be played now, each by an element of its own. Whose voice a track carries may change without the track changing. */
  readonly voices: readonly MediaStreamTrack[];
  /** What the page shows, whole, the most important first: pictures that are not in it need not be sent to us. To be said whenever it changes;
   * cheap when it did not. Until it is said for the first time, everybody is. */
  show(sights: readonly Sight[]): void;
  /** When the meeting began, in `Date.now()` time of this machine (corrected by the server's clock). */
  readonly startedAt: number;
  raiseHand(raised: boolean): void;
  rename(name: string): void;
  leave(): Promise<void>;
  /** Tries to reach somebody again at once and from the beginning: `connection` is `connecting` until it works or has failed anew. */
  retry(id: ParticipantId): void;
  /** The last reading of the way to a participant; null before the first. */
  stats(id: ParticipantId): LinkSample | null;
  /** The last 60 readings, oldest first: two minutes. A new array each time that one is added. */
  history(id: ParticipantId): readonly LinkSample[];
  /** What we send, to all of them together. */
  uplink(): Uplink;
  /** What keeps us from others, or why everything runs over TCP, as far as it can be told from here and now. */
  diagnosis(): Promise<Diagnosis>;
}

/** One reading of the way to one participant. While there is no way, the rates are 0 and the rest is null. */
export interface LinkSample extends LinkStats {
  /** When it was taken, in `performance.now()` time. They are not evenly spaced: while the page is hidden there are fewer. */
  at: number;
  /** What was made of it and of those before it. */
  quality: Quality;
}

export interface Uplink {
  kbits: number;
  /** What keeps our picture smaller than it might be. (`bandwidth` is usual in the first seconds, too, and Firefox never says.) */
  limited: "bandwidth" | "cpu" | null;
}

export interface Participant {
  readonly id: ParticipantId;
  readonly name: string;
  readonly role: Role;
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly handRaisedAt: number | null;
  /** How they are reached: `reconnecting` when their signalling or the peer connection is interrupted. */
  readonly connection: "connecting" | "connected" | "reconnecting" | "failed";
  /** How well they come through; steady enough for a mark. `lost`: not at all. Yours is that of whoever comes through best to you. */
  readonly quality: Quality;
  /** Speaking now, from the audio's level (hysteresis inside). */
  readonly speaking: boolean;
  /** Their picture is in sight but not sent to us for now: for want of our line, or because the server has too much to do. */
  readonly held: HeldReason | null;
  /** The same of the screen that they share. */
  readonly heldScreen: HeldReason | null;
  /** Live tracks by source; a track is present only while it carries media. */
  track(source: Source): MediaStreamTrack | null;
}

export interface LocalParticipant extends Participant {
  /** Switch a source on with this track (or replace it: device change), or off with null. Off stops the track: the device's light goes out. */
  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void>;
}

export interface OwnMessage {
  /** The name we gave it. */
  id: string;
  text: string;
  state: "sending" | "failed";
  at: number;
}

export interface Chat {
  /** What is kept, oldest first, without doubles. */
  readonly messages: readonly ChatMessage[];
  /** Ours that are not kept yet, in the order they were sent. They survive a reconnect. */
  readonly pending: readonly OwnMessage[];
  readonly more: boolean;
  isOwn(message: ChatMessage): boolean;
  send(text: string): void;
  retry(id: string): void;
  discard(id: string): void;
  /** Loads older messages; resolves when they are there. */
  loadOlder(): Promise<void>;
}
