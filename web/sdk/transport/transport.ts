// How media gets to the others and back, as the room sees it and as far as the ways have it in common.
import type { ClientMessage, ParticipantId, SignalBody } from "../protocol.gen";

/** The way to one participant: `reconnecting` after it has worked once, `failed` after several attempts (it goes on trying). */
export type PathState = "connecting" | "connected" | "reconnecting" | "failed";

/** What a mesh needs from its room. */
export interface MeshHost {
  /** Hands it to the participant by way of the server; false: not now. */
  signal(to: ParticipantId, connection: number, body: SignalBody): boolean;
  /** The state or a track of this participant changed. */
  changed(id: ParticipantId): void;
  /** A way that was up is not: the network may have changed. */
  interrupted(): void;
}

/** One of the others, as far as media is concerned. */
export interface Present {
  readonly id: ParticipantId;
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  /** The server can hand them messages now. */
  readonly reachable: boolean;
}

export interface SwitchHost {
  send(message: Exclude<ClientMessage, { type: "join" }>): boolean;
  people(): readonly Present[];
  /** The state or a track of this participant changed. */
  changed(id: ParticipantId): void;
  /** `voices` changed. */
  voices(): void;
  /** The server said who speaks. */
  spoken(): void;
  /** A way that was up is not: the network may have changed. */
  interrupted(): void;
}
