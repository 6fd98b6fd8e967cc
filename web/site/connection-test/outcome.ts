// What can come of each test. Only types and their order: no words, no page.
import type { DeviceErrorCode } from "../../sdk/media/devices";

/** In the order in which they are made and shown. */
export const TESTS = ["camera", "microphone", "socket", "stun", "udp", "tcp", "tls", "speed"] as const;

export type Test = (typeof TESTS)[number];
export type RelayTransport = "udp" | "tcp" | "tls";

/** The tests of the network: what the last sentence is about. */
export const NETWORK = ["socket", "stun", "udp", "tcp", "tls", "speed"] as const satisfies readonly Test[];

interface Skipped {
  is: "skipped";
}

/** The browser has no WebRTC, so nothing can be said. */
interface Unsupported {
  is: "unsupported";
}

/** The server does not offer it. */
interface Absent {
  is: "absent";
}

/** The server's answer did not come, or our page made a mistake; nothing can be said about the network. */
interface Failed {
  is: "failed";
}

export type CameraOutcome =
  | { is: "works"; width: number; height: number }
  /** There are pictures, and all are black. */
  | { is: "dark" }
  | { is: DeviceErrorCode }
  | Skipped;

export type MicrophoneOutcome = { is: "works" } | { is: "silent" } | { is: DeviceErrorCode } | Skipped;

export type SocketOutcome =
  | { is: "works"; rttMs: number }
  /** It does not open. */
  | { is: "blocked" }
  /** It opens, and then nothing comes through. */
  | { is: "mute" }
  /** The server answered that this was too often. */
  | { is: "too_often" };

export type StunOutcome =
  /** `address`: ours, as the server sees it; null where it is the one that this machine has anyway. */
  { is: "works"; address: string | null } | { is: "blocked" } | Absent | Unsupported | Failed;

export type RelayOutcome =
  | { is: "works"; rttMs: number }
  /** No answer. */
  | { is: "blocked" }
  /** An answer, and it was no (RFC 8656, 7.2 and 15). */
  | { is: "refused"; code: number }
  /** We were given an address, but nothing comes through it. */
  | { is: "broken" }
  | Absent
  | Unsupported
  | Failed;

export type SpeedOutcome =
  | { is: "works"; kbps: number; lossPercent: number; most: boolean; over: RelayTransport }
  /** There is a relay, but no way to it. */
  | { is: "unreachable" }
  | Absent
  | Unsupported
  | Failed;

export interface Outcomes {
  camera: CameraOutcome;
  microphone: MicrophoneOutcome;
  socket: SocketOutcome;
  stun: StunOutcome;
  udp: RelayOutcome;
  tcp: RelayOutcome;
  tls: RelayOutcome;
  speed: SpeedOutcome;
}

/** Any outcome, without what belongs to one test alone. */
export type Outcome = Outcomes[Test];
