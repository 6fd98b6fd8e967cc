// How media gets to the others and back, as the room sees it and as far as the ways have it in common.
import type { ParticipantId, SignalBody } from "../protocol.gen";

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
