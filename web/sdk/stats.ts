// A few numbers about the way to one participant, from the browser's statistics (W3C webrtc-stats).

export interface LinkStats {
  /** Since the last time these numbers were read; 0 the first time. */
  kbitsIn: number;
  kbitsOut: number;
  /** Round trip, in milliseconds. */
  rtt: number | null;
  /** Part of their packets that did not arrive since the last time, 0…1. */
  loss: number | null;
  path: "direct" | "relay" | null;
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
}

// One shape for the fields used here; a report has those of its type.
type Entry = Record<string, number | string | boolean | undefined>;

export function linkStats(report: RTCStatsReport, memory: StatsMemory): LinkStats {
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => entries.push(entry));
  const pair = selectedPair(entries);
  const now = totals(entries);
  const last = memory.last;
  memory.last = now;
  const seconds = last ? (now.at - last.at) / 1000 : 0;
  const rate = (bytes: number): number => (seconds > 0 ? Math.max(0, Math.round((bytes * 8) / 1000 / seconds)) : 0);
  const expected = last ? now.packets - last.packets + (now.lost - last.lost) : 0;
  return {
    kbitsIn: rate(now.bytesIn - (last?.bytesIn ?? 0)),
    kbitsOut: rate(now.bytesOut - (last?.bytesOut ?? 0)),
    rtt: typeof pair?.currentRoundTripTime === "number" ? pair.currentRoundTripTime * 1000 : null,
    loss: last && expected > 0 ? Math.min(1, Math.max(0, (now.lost - last.lost) / expected)) : null,
    path: pair && path(entries, pair),
  };
}

function selectedPair(entries: readonly Entry[]): Entry | null {
  const chosen = entries.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  const pairs = entries.filter(({ type }) => type === "candidate-pair");
  // Firefox has no transport entry; it marks the pair.
  return pairs.find(({ id, selected }) => (chosen === undefined ? selected === true : id === chosen)) ?? null;
}

function path(entries: readonly Entry[], pair: Entry): "direct" | "relay" {
  const ends = entries.filter(({ id }) => id === pair.localCandidateId || id === pair.remoteCandidateId);
  return ends.some(({ candidateType }) => candidateType === "relay") ? "relay" : "direct";
}

function totals(entries: readonly Entry[]): Totals {
  const sum = (type: string, field: string): number =>
    entries.filter((entry) => entry.type === type).reduce((total, entry) => total + (Number(entry[field]) || 0), 0);
  return {
    at: Math.max(0, ...entries.map(({ timestamp }) => Number(timestamp) || 0)),
    bytesIn: sum("inbound-rtp", "bytesReceived"),
    bytesOut: sum("outbound-rtp", "bytesSent"),
    packets: sum("inbound-rtp", "packetsReceived"),
    lost: sum("inbound-rtp", "packetsLost"),
  };
}
