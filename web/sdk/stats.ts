// A few numbers about the way to one participant, from the browser's statistics (W3C webrtc-stats).
import type { Uplink } from "./api";

export interface LinkStats {
  /** Since the last time these numbers were read; 0 the first time. */
  kbitsIn: number;
  kbitsOut: number;
  /** Round trip, in milliseconds. */
  rtt: number | null;
  /** Part of their packets that did not arrive since the last time, 0…1. */
  loss: number | null;
  /** How unevenly their sound arrives, in milliseconds (RFC 3550, 6.4.1). */
  jitter: number | null;
  path: "direct" | "relay" | null;
  /** What our packets leave this machine in. `tls` only towards our relay; a direct path is `udp` nearly always. */
  transport: "udp" | "tcp" | "tls" | null;
}

/** All that one report tells. */
export interface Reading {
  link: LinkStats;
  /** How often their picture stood still since the last time. */
  freezes: number;
  limited: Uplink["limited"];
}

/** What the next reading is compared with. */
export interface StatsMemory {
  last?: Totals;
}

interface Totals {
  at: number;
  bytesIn: number;
  bytesOut: number;
  packets: number;
  lost: number;
  freezes: number;
}

// One shape for the fields used here; a report has those of its type.
type Entry = Record<string, number | string | boolean | undefined>;

export function readStats(report: RTCStatsReport, memory: StatsMemory): Reading {
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => entries.push(entry));
  const now = totals(entries);
  // A peer connection that was built anew counts from zero again.
  const last = memory.last && memory.last.bytesIn <= now.bytesIn && memory.last.bytesOut <= now.bytesOut ? memory.last : undefined;
  memory.last = now;
  const seconds = last ? (now.at - last.at) / 1000 : 0;
  const rate = (bytes: number): number => (seconds > 0 ? Math.round((bytes * 8) / 1000 / seconds) : 0);
  const expected = last ? now.packets - last.packets + (now.lost - last.lost) : 0;
  return {
    link: {
      kbitsIn: rate(now.bytesIn - (last?.bytesIn ?? 0)),
      kbitsOut: rate(now.bytesOut - (last?.bytesOut ?? 0)),
      loss: last && expected > 0 ? Math.min(1, Math.max(0, (now.lost - last.lost) / expected)) : null,
      jitter: jitter(entries),
      ...way(entries),
    },
    freezes: last ? Math.max(0, now.freezes - last.freezes) : 0,
    limited: limitation(entries),
  };
}

/** Bytes of sound and picture that have arrived. */
export function received(report: RTCStatsReport): number {
  let bytes = 0;
  report.forEach(({ type, bytesReceived }: Entry) => (bytes += type === "inbound-rtp" ? Number(bytesReceived) || 0 : 0));
  return bytes;
}

/** What is known of a way that is not there. */
export const noLink: LinkStats = { kbitsIn: 0, kbitsOut: 0, rtt: null, loss: null, jitter: null, path: null, transport: null };

function way(entries: readonly Entry[]): Pick<LinkStats, "rtt" | "path" | "transport"> {
  const pair = selectedPair(entries);
  if (!pair) return { rtt: null, path: null, transport: null };
  const end = (id: Entry[string]): Entry | undefined => entries.find((entry) => entry.id === id);
  const local = end(pair.localCandidateId);
  const relayed = [local, end(pair.remoteCandidateId)].some((candidate) => candidate?.candidateType === "relay");
  return {
    rtt: typeof pair.currentRoundTripTime === "number" ? pair.currentRoundTripTime * 1000 : null,
    path: relayed ? "relay" : "direct",
    transport: transport(local?.candidateType === "relay" ? (local.relayProtocol ?? local.protocol) : local?.protocol),
  };
}

function transport(protocol: Entry[string]): LinkStats["transport"] {
  return protocol === "udp" || protocol === "tcp" || protocol === "tls" ? protocol : null;
}

function selectedPair(entries: readonly Entry[]): Entry | undefined {
  const chosen = entries.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  const pairs = entries.filter(({ type }) => type === "candidate-pair");
  // Firefox has no transport entry; it marks the pair.
  return pairs.find(({ id, selected }) => (chosen === undefined ? selected === true : id === chosen));
}

function jitter(entries: readonly Entry[]): number | null {
  const heard = entries.filter(
    ({ type, kind, packetsReceived }) => type === "inbound-rtp" && kind === "audio" && Number(packetsReceived) > 0,
  );
  return heard.length > 0 ? Math.max(...heard.map((entry) => (Number(entry.jitter) || 0) * 1000)) : null;
}

function limitation(entries: readonly Entry[]): Uplink["limited"] {
  const reasons = entries.map((entry) => entry.type === "outbound-rtp" && entry.qualityLimitationReason);
  return reasons.includes("bandwidth") ? "bandwidth" : reasons.includes("cpu") ? "cpu" : null;
}

function totals(entries: readonly Entry[]): Totals {
  const sum = (type: string, field: string): number =>
    entries.reduce((total, entry) => total + (entry.type === type ? Number(entry[field]) || 0 : 0), 0);
  return {
    at: Math.max(0, ...entries.map(({ timestamp }) => Number(timestamp) || 0)),
    bytesIn: sum("inbound-rtp", "bytesReceived"),
    bytesOut: sum("outbound-rtp", "bytesSent"),
    packets: sum("inbound-rtp", "packetsReceived"),
    lost: sum("inbound-rtp", "packetsLost"),
    freezes: sum("inbound-rtp", "freezeCount"),
  };
}
