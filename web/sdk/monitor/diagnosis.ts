// Why somebody cannot be reached, told from what gathering came to. Pure: a situation in, a judgement out.
import type { ParticipantId } from "../protocol.gen";
import type { LinkStats } from "../stats";

export interface Diagnosis {
  /**
   * - `udp_blocked`: our network lets no UDP through. While nobody is failing: everything runs over TCP, which stutters when packets get lost.
   * - `all_blocked`: neither UDP nor TCP nor TLS brings us to the relay, though this page's own connection works: only web pages get
   *   through, or nothing forwards the relay's port to the server.
   * - `relay_unreachable`: UDP gets out of our network, or an answer back in, but there is no relay for us: it refuses, or its port is shut.
   * - `no_relay`: there is no direct way, and the operator offers no relay.
   * - `peer_unreachable`: all is well on our side. It is theirs that nothing comes through to.
   * - `unknown`: nothing is wrong, or it cannot be told (yet).
   */
  kind: "udp_blocked" | "all_blocked" | "relay_unreachable" | "no_relay" | "peer_unreachable" | "unknown";
  /** Whom we cannot reach after several attempts. */
  failing: readonly ParticipantId[];
  /** The server itself is there. */
  server: boolean;
  /** The STUN and TURN servers, in the order they were given. */
  tried: readonly Tried[];
  /** The kinds of candidates that we found, each once. */
  found: readonly Found[];
}

export interface Tried {
  url: string;
  kind: "stun" | "turn";
  transport: "udp" | "tcp" | "tls";
  /** `refused`: it answered, but not with what we asked for. `silent`: no answer came. `pending`: nothing is known (yet). */
  outcome: "answered" | "refused" | "silent" | "pending";
  /** Of the error, if there was one (STUN's own, or 701 for no answer), with the browser's or the server's English. */
  code?: number;
  text?: string;
}

export interface Found {
  kind: RTCIceCandidateType;
  /** Towards the relay, where it is one; null: the browser does not say. */
  transport: "udp" | "tcp" | "tls" | null;
}

/** Traces of gathering, in their order: candidates, errors, and null where a gathering was complete. */
export type Trace = Candidate | IceError | null;
/** Newer browsers say by which server a candidate was found, and what it speaks with the relay (W3C webrtc, 4.8.1.2). */
type Candidate = Pick<RTCIceCandidate, "type" | "protocol"> & { relayProtocol?: Tried["transport"] | null; url?: string | null };
type IceError = Pick<RTCPeerConnectionIceErrorEvent, "url" | "errorCode" | "errorText">;

export interface Situation {
  /** The WebSocket works. */
  server: boolean;
  iceServers: readonly RTCIceServer[];
  /** Since the network last changed. */
  traces: readonly Trace[];
  /** For how long there have been traces, in milliseconds. */
  elapsed: number;
  failing: readonly ParticipantId[];
  /** What those ways run over that are up. */
  transports: readonly LinkStats["transport"][];
}

/** W3C webrtc, 4.8.2: the server could not be reached. */
const NO_ANSWER = 701;
/** A server that has not answered by then does not. Browsers give up and say so after 40 s only (RFC 8489, 6.2.1), and by then we have begun anew. */
const SILENT_MS = 10_000;

export function diagnose(situation: Situation): Diagnosis {
  const { server, failing } = situation;
  const found = kinds(situation.traces);
  const tried = situation.iceServers.flatMap(({ urls }) => urls).flatMap((url) => attempt(url, situation, found));
  return { kind: judge(situation, tried, found), failing, server, tried, found };
}

function judge({ server, failing, transports }: Situation, tried: readonly Tried[], found: readonly Found[]): Diagnosis["kind"] {
  // Nothing gets through to anywhere: that says nothing about UDP.
  if (!server) return "unknown";
  const relays = tried.filter(({ kind }) => kind === "turn");
  const overUdp = tried.filter(({ transport }) => transport === "udp");
  const heard = ({ outcome }: Tried): boolean => outcome === "answered" || outcome === "refused";
  const udp = transports.includes("udp") || found.some(({ kind }) => kind === "srflx") || overUdp.some(heard);
  const noUdp = !udp && overUdp.some(({ outcome }) => outcome === "silent");
  if (failing.length === 0) return noUdp && transports.length > 0 ? "udp_blocked" : "unknown";
  if (relays.length === 0) return noUdp ? "udp_blocked" : "no_relay";
  if (relays.some(({ outcome }) => outcome === "answered")) return "peer_unreachable";
  if (relays.some(({ outcome }) => outcome === "pending")) return "unknown";
  if (udp || relays.some(heard)) return "relay_unreachable";
  return relays.some(({ transport }) => transport !== "udp") ? "all_blocked" : "udp_blocked";
}

/** What came of one address; nothing for one that browsers would not use. */
function attempt(url: string, { traces, elapsed }: Situation, found: readonly Found[]): Tried[] {
  const parts = parse(url);
  if (!parts) return [];
  const { kind, transport } = parts;
  const same = (trace: { url?: string | null }): boolean => parse(trace.url ?? "")?.key === parts.key;
  const error = traces.findLast((trace): trace is IceError => isError(trace) && same(trace));
  // Who has no NAT before them gets no candidate from STUN, although it answers.
  const over = traces.includes(null) ? kind === "turn" : elapsed >= SILENT_MS;
  const wanted = kind === "turn" ? "relay" : "srflx";
  // Where the browser does not say from whom a candidate is, its kind has to do.
  const ours = (trace: Trace): boolean =>
    isCandidate(trace) && trace.type === wanted && (trace.url ? same(trace) : matches(found, wanted, transport));
  if (traces.some(ours)) return [{ url, kind, transport, outcome: "answered" }];
  if (error) {
    const outcome = error.errorCode === NO_ANSWER ? "silent" : "refused";
    return [{ url, kind, transport, outcome, code: error.errorCode, text: error.errorText }];
  }
  return [{ url, kind, transport, outcome: over ? "silent" : "pending" }];
}

function matches(found: readonly Found[], wanted: RTCIceCandidateType, transport: Tried["transport"]): boolean {
  return found.some((one) => one.kind === wanted && (one.transport === null || one.transport === transport));
}

function kinds(traces: readonly Trace[]): Found[] {
  const found = new Map<string, Found>();
  for (const trace of traces) {
    if (!isCandidate(trace) || !trace.type) continue;
    const transport = trace.type === "relay" ? (trace.relayProtocol ?? null) : trace.protocol;
    found.set(`${trace.type} ${transport}`, { kind: trace.type, transport });
  }
  return [...found.values()];
}

const isError = (trace: Trace): trace is IceError => trace !== null && "errorCode" in trace;
const isCandidate = (trace: Trace): trace is Candidate => trace !== null && !("errorCode" in trace);

/** RFC 7064 and 7065, as far as needed; `key` is the same for all ways to write the same. */
function parse(url: string): { kind: Tried["kind"]; transport: Tried["transport"]; key: string } | null {
  const [, scheme, secure, address, asked] = /^(stun|turn)(s?):([^?]+)(?:\?transport=(udp|tcp))?$/i.exec(url.toLowerCase()) ?? [];
  if (!scheme || !address) return null;
  const transport = secure ? "tls" : asked === "tcp" ? "tcp" : "udp";
  const port = /:\d+$/.test(address) ? "" : secure ? ":5349" : ":3478";
  return { kind: scheme as Tried["kind"], transport, key: `${scheme} ${transport} ${address}${port}` };
}
