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
  /** It is our way to the server, which is the same for all who come by it: what is sent and how long it takes is not theirs alone. */
  via?: "server";
}

/** All that one report tells. */
export interface Reading {
  link: LinkStats;
  /** How often their picture stood still since the last time. */
  freezes: number;
  limited: Uplink["limited"];
  /** What our camera's picture is sent as: pixels of the shorter side; null: none is. */
  sent: number | null;
  /** What our line is thought to carry, in kbit/s. */
  capacity: number | null;
}

/** What the next reading is compared with. */
export interface StatsMemory {
  last?: Totals;
}

interface Totals {
  at: number;
  /** By the stream's id. */
  streams: ReadonlyMap<string, Stream>;
}

interface Stream {
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
  const { last } = memory;
  memory.last = now;
  const seconds = last ? (now.at - last.at) / 1000 : 0;
  const rate = (bytes: number): number => (seconds > 0 ? Math.round((bytes * 8) / 1000 / seconds) : 0);
  const more = grown(last, now);
  const expected = more.packets + more.lost;
  return {
    link: {
      kbitsIn: rate(more.bytesIn),
      kbitsOut: rate(more.bytesOut),
      loss: expected > 0 ? Math.min(1, Math.max(0, more.lost / expected)) : null,
      jitter: jitter(entries),
      ...way(entries),
    },
    freezes: Math.max(0, more.freezes),
    limited: limitation(entries),
    sent: largest(entries),
    capacity: capacity(entries),
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

function largest(entries: readonly Entry[]): number | null {
  const sent = entries.filter(
    ({ type, frameHeight, contentType }) => type === "outbound-rtp" && frameHeight && contentType !== "screenshare",
  );
  const sides = sent.map(({ frameWidth, frameHeight }) => Math.min(Number(frameWidth) || Infinity, Number(frameHeight)));
  return sides.length > 0 ? Math.max(...sides) : null;
}

function capacity(entries: readonly Entry[]): number | null {
  const bits = selectedPair(entries)?.availableOutgoingBitrate;
  return typeof bits === "number" ? Math.round(bits / 1000) : null;
}

function totals(entries: readonly Entry[]): Totals {
  const streams = new Map<string, Stream>();
  for (const entry of entries) {
    if (entry.type !== "inbound-rtp" && entry.type !== "outbound-rtp") continue;
    const read = (field: string): number => Number(entry[field]) || 0;
    const [bytesIn, bytesOut, packets] = [read("bytesReceived"), read("bytesSent"), read("packetsReceived")];
    streams.set(String(entry.id), { bytesIn, bytesOut, packets, lost: read("packetsLost"), freezes: read("freezeCount") });
  }
  return { at: Math.max(0, ...entries.map(({ timestamp }) => Number(timestamp) || 0)), streams };
}

/** What came of each stream since the last time. One that was not there then, or counts from zero again, begins with the next reading. */
function grown(last: Totals | undefined, now: Totals): Stream {
  const sum: Stream = { bytesIn: 0, bytesOut: 0, packets: 0, lost: 0, freezes: 0 };
  for (const [id, stream] of now.streams) {
    const before = last?.streams.get(id);
    if (!before || before.bytesIn > stream.bytesIn || before.bytesOut > stream.bytesOut) continue;
    for (const field of Object.keys(sum) as (keyof Stream)[]) sum[field] += stream[field] - before[field];
  }
  return sum;
}
