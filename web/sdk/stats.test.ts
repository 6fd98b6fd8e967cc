import { expect, it } from "vitest";
import { readStats, type StatsMemory } from "./stats";

type Entry = Record<string, unknown>;

/** A report after so many seconds of 200 kbit/s in, 100 out, and a tenth of the packets lost. */
function report(seconds: number, local: Entry = {}, more: Entry[] = []): RTCStatsReport {
  const entries: Entry[] = [
    { id: "t", type: "transport", selectedCandidatePairId: "p" },
    { id: "p", type: "candidate-pair", currentRoundTripTime: 0.025, localCandidateId: "l", remoteCandidateId: "r" },
    { id: "l", type: "local-candidate", candidateType: "host", protocol: "udp", ...local },
    { id: "r", type: "remote-candidate", candidateType: "relay" },
    {
      id: "i",
      type: "inbound-rtp",
      kind: "audio",
      timestamp: seconds * 1000,
      bytesReceived: 25_000 * seconds,
      packetsReceived: 90 * seconds,
      packetsLost: 10 * seconds,
      jitter: 0.004,
    },
    { id: "o", type: "outbound-rtp", timestamp: seconds * 1000, bytesSent: 12_500 * seconds, qualityLimitationReason: "none" },
    ...more,
  ];
  return new Map(entries.map((entry) => [entry.id, entry])) as unknown as RTCStatsReport;
}

const way = { rtt: 25, jitter: 4, path: "relay", transport: "udp" };

it("are rates between two readings", () => {
  const memory: StatsMemory = {};
  expect(readStats(report(1), memory).link).toEqual({ kbitsIn: 0, kbitsOut: 0, loss: null, ...way });
  expect(readStats(report(3), memory).link).toEqual({ kbitsIn: 200, kbitsOut: 100, loss: 0.1, ...way });
});

it("begin anew with a peer connection that was built anew", () => {
  const memory: StatsMemory = {};
  readStats(report(60), memory);
  expect(readStats(report(2), memory).link).toMatchObject({ kbitsIn: 0, kbitsOut: 0, loss: null });
  expect(readStats(report(4), memory).link).toMatchObject({ kbitsIn: 200, kbitsOut: 100, loss: 0.1 });
});

it.each([
  [{ candidateType: "host", protocol: "tcp" }, "tcp"],
  [{ candidateType: "relay", protocol: "udp", relayProtocol: "tls" }, "tls"],
  [{ candidateType: "relay", protocol: "udp", relayProtocol: "tcp" }, "tcp"],
  [{ candidateType: "relay", protocol: "udp" }, "udp"],
  [{ candidateType: "host", protocol: undefined }, null],
])("say what our packets leave in: %j", (local, transport) => {
  expect(readStats(report(1, local), {}).link.transport).toBe(transport);
});

it("know the way where the pair itself is marked, and know that there is none", () => {
  const entries = [...(report(1) as unknown as Map<string, Entry>).values()].filter(({ type }) => type !== "transport");
  const marked = (selected: boolean) =>
    new Map(entries.map((entry) => [entry.id, entry.id === "p" ? { ...entry, selected } : entry])) as unknown as RTCStatsReport;
  expect(readStats(marked(true), {}).link).toMatchObject(way);
  expect(readStats(marked(false), {}).link).toMatchObject({ rtt: null, path: null, transport: null });
});

it("count standstills since the last time, and what limits us", () => {
  const memory: StatsMemory = {};
  const picture = (freezeCount: number, qualityLimitationReason: string): Entry[] => [
    { id: "v", type: "inbound-rtp", kind: "video", freezeCount, jitter: 0.9 },
    { id: "w", type: "outbound-rtp", kind: "video", qualityLimitationReason },
  ];
  expect(readStats(report(1, {}, picture(3, "cpu")), memory)).toMatchObject({ freezes: 0, limited: "cpu", link: { jitter: 4 } });
  expect(readStats(report(3, {}, picture(5, "bandwidth")), memory)).toMatchObject({ freezes: 2, limited: "bandwidth" });
  expect(readStats(report(5, {}, picture(5, "none")), memory)).toMatchObject({ freezes: 0, limited: null });
});

it("are of the streams that are there both times: one that comes by another place begins with the next reading", () => {
  const memory: StatsMemory = {};
  const place = (id: string, seconds: number, bytes: number): Entry => ({
    id,
    type: "inbound-rtp",
    kind: "video",
    timestamp: seconds * 1000,
    bytesReceived: bytes,
    packetsReceived: bytes / 1_000,
  });
  readStats(report(1, {}, [place("a", 1, 1_000_000)]), memory);
  expect(readStats(report(3, {}, [place("b", 3, 9_000_000)]), memory).link.kbitsIn).toBe(200);
  expect(readStats(report(5, {}, [place("b", 5, 9_050_000)]), memory).link.kbitsIn).toBe(400);
});

it("say how large our camera's picture goes out, whichever way it is held, and what the line is thought to carry", () => {
  const sent = (frameWidth: number, frameHeight: number, more: Entry = {}): Entry => ({ id: `${frameWidth}`, type: "outbound-rtp", frameWidth, frameHeight, ...more }); // prettier-ignore
  const entries = [sent(320, 180), sent(640, 360), sent(270, 480), sent(1920, 1080, { contentType: "screenshare" })];
  const pair: Entry = {
    id: "p",
    type: "candidate-pair",
    availableOutgoingBitrate: 1_234_567,
    localCandidateId: "l",
    remoteCandidateId: "r",
  };
  expect(readStats(report(1, {}, [...entries, pair]), {})).toMatchObject({ sent: 360, capacity: 1235 });
  expect(readStats(report(1), {})).toMatchObject({ sent: null, capacity: null });
});
