// How media gets to the others and back. The room speaks to this and never sees a peer connection.
import type { Source } from "../api";
import type { Trace } from "../monitor/diagnosis";
import type { IceServer, ParticipantId, SignalBody } from "../protocol.gen";

/** The way to one participant: `reconnecting` after it has worked once, `failed` after several attempts (it goes on trying). */
export type PathState = "connecting" | "connected" | "reconnecting" | "failed";

/** What a transport needs from its room. */
export interface TransportHost {
  /** Hands it to the participant by way of the server; false: not now. */
  signal(to: ParticipantId, connection: number, body: SignalBody): boolean;
  /** The state or a track of this participant changed. */
  changed(id: ParticipantId): void;
  /** A way that was up is not: the network may have changed. */
  interrupted(): void;
}

export interface Transport {
  /** We are in as somebody new: whatever was there before is closed. */
  begin(self: ParticipantId): void;
  /** From now on, for all ways; what is connected stays. `relayOnly`: through the relay or not at all. */
  setIceServers(servers: readonly IceServer[], relayOnly?: boolean): void;
  readonly iceServers: readonly IceServer[];
  readonly relayOnly: boolean;
  /** What gathering came to since the network last changed. */
  readonly traces: readonly Trace[];
  /** Somebody is in the meeting. Does nothing if they are known. */
  add(id: ParticipantId): void;
  remove(id: ParticipantId): void;
  /** Whether the server can hand them messages now. */
  setReachable(id: ParticipantId, reachable: boolean): void;
  /** Whether we can reach the server. */
  setSignalling(up: boolean): void;
  /** There may be another network: ways that are not up are mended at once. `moved`: there is, and what is up looks for its way anew, too. */
  networkChanged(moved: boolean): void;
  /** Looks for another way to them, without giving up the one there is. */
  restart(id: ParticipantId): void;
  /** The same, where one side is enough: does nothing on the other. */
  improve(id: ParticipantId): void;
  /** Messages may have been lost on the way to us: ways that are not up are built anew. */
  renew(): void;
  /** Builds the way to them anew at once, unless it is up. */
  retry(id: ParticipantId): void;
  receive(from: ParticipantId, connection: number, body: SignalBody): void;
  /** What we send, from now on. The transport does not stop tracks. */
  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void>;

  state(id: ParticipantId): PathState;
  /** What they send, once it carries media. */
  track(id: ParticipantId, source: Source): MediaStreamTrack | null;
  /** Amplitude 0…1 of what is heard of them now; undefined where the browser does not say. */
  audioLevel(id: ParticipantId): number | undefined;
  /** Null when there is no connection. */
  report(id: ParticipantId): Promise<RTCStatsReport | null>;
  close(): void;
}
