// A pair whose network changes: two ends with the real thing between them, and messages that take their time.
import { beforeEach, describe, expect, it } from "vitest";
import type { Source } from "../api";
import type { Trace } from "../monitor/diagnosis";
import type { SignalBody } from "../protocol.gen";
import { FakePeer, fakeTrack } from "../testing/fake-peer";
import { fakeBrowser, pass } from "../testing/setup";
import { Pair, type PairHost } from "./pair";

fakeBrowser();

const DELAY = 50;

interface End {
  pair: Pair;
  host: PairHost & { relayOnly: boolean; iceServers: RTCIceServer[] };
  /** Kinds of what this end said, with the time. */
  said: { at: number; kind: string }[];
  states: string[];
  traces: Trace[];
  interruptions: number;
}

let up: boolean;
let lose: (from: string, body: SignalBody) => boolean;
beforeEach(() => {
  up = true;
  lose = () => false;
});

function end(name: string, polite: boolean, other: () => Pair): End {
  const tracks = new Map<Source, MediaStreamTrack>([["camera", fakeTrack("video")]]);
  const self: End = { said: [], states: [], traces: [], interruptions: 0 } as unknown as End;
  self.host = {
    signal(_to, connection, body) {
      if (!up) return false;
      self.said.push({ at: performance.now(), kind: body.kind });
      if (!lose(name, body)) setTimeout(() => other().receive(connection, body), DELAY);
      return true;
    },
    changed: () => void (self.states.at(-1) !== self.pair.state && self.states.push(self.pair.state)),
    tracks,
    iceServers: [],
    relayOnly: false,
    trace: (trace) => self.traces.push(trace),
    others: () => 1,
    signalling: () => up,
    interrupted: () => (self.interruptions += 1),
  };
  self.pair = new Pair(polite ? "ada" : "bo", polite, self.host);
  return self;
}

/** Ada (impolite) and Bo (polite), connected for a while. */
async function couple(): Promise<{ ada: End; bo: End; peers: FakePeer[] }> {
  const ada: End = end("ada", false, () => bo.pair);
  const bo: End = end("bo", true, () => ada.pair);
  bo.pair.expect();
  ada.pair.offer();
  await pass(30_000);
  expect([ada.pair.state, bo.pair.state]).toEqual(["connected", "connected"]);
  for (const { said, states } of [ada, bo]) said.length = states.length = 0;
  return { ada, bo, peers: [...FakePeer.all] };
}

const offers = ({ said }: End): number[] => said.filter(({ kind }) => kind === "offer").map(({ at }) => at);
const alive = (): boolean => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed").every((peer) => peer.alive);

/** How often each sender of a peer was asked for a whole picture. */
const wholePictures = ({ transceivers }: FakePeer): number[] => transceivers.map(({ sender }) => sender.wholePictures);

describe("another network", () => {
  it("both notice: one restart, and it is never shown as interrupted", async () => {
    const { ada, bo, peers } = await couple();
    FakePeer.move();
    for (const { pair } of [ada, bo]) pair.networkChanged(true);
    expect(alive()).toBe(false);
    await pass(500);
    expect(alive()).toBe(true);
    expect(peers.map(({ restarts }) => restarts)).toEqual([1, 0]);
    await pass(60_000);
    expect([...ada.states, ...bo.states]).toEqual([]);
    expect([offers(ada).length, offers(bo).length]).toEqual([1, 0]);
  });

  it.each(["ada", "bo"] as const)("only %s notices", async (who) => {
    const ends = await couple();
    FakePeer.move();
    ends[who].pair.networkChanged(true);
    await pass(800);
    expect(alive()).toBe(true);
    await pass(60_000);
    expect(offers(ends.ada).length + offers(ends.bo).length).toBe(1);
    expect([...ends.ada.states, ...ends.bo.states]).toEqual([]);
  });

  it("while the server is away: as soon as it is back", async () => {
    const { ada, bo, peers } = await couple();
    up = false;
    FakePeer.move();
    for (const { pair } of [ada, bo]) pair.networkChanged(true);
    await pass(8_000);
    expect([ada.pair.state, bo.pair.state]).toEqual(["reconnecting", "reconnecting"]);
    expect([...offers(ada), ...offers(bo)]).toEqual([]);
    up = true;
    const back = performance.now();
    for (const { pair } of [ada, bo]) pair.refresh();
    await pass(800);
    expect(alive()).toBe(true);
    expect(offers(ada)[0]! - back).toBeLessThan(50);
    expect([ada.pair.state, bo.pair.state]).toEqual(["connected", "connected"]);
    expect(FakePeer.all).toEqual(peers);
  });

  it("after an interruption the next picture needs none of those that were lost", async () => {
    const { ada, bo, peers } = await couple();
    expect(
      peers
        .map(wholePictures)
        .flat()
        .every((count) => count === 0),
    ).toBe(true);
    FakePeer.move();
    await pass(10_000);
    expect([ada.pair.state, bo.pair.state]).toEqual(["connected", "connected"]);
    // Of the camera; nothing else is sent.
    for (const peer of peers) expect(wholePictures(peer)).toEqual([0, 1, 0, 0]);
    await pass(60_000);
    for (const peer of peers) expect(wholePictures(peer)).toEqual([0, 1, 0, 0]);
  });

  it("and yet another before the answer has come: the offer was for nothing, so there is one more", async () => {
    const { ada } = await couple();
    FakePeer.move();
    ada.pair.networkChanged(true);
    await pass(10);
    FakePeer.move();
    ada.pair.networkChanged(true);
    await pass(300);
    expect(alive()).toBe(false);
    await pass(1_200);
    expect(alive()).toBe(true);
    expect(offers(ada)).toHaveLength(2);
  });

  it("and yet another while the answer is late: the next offer follows it at once", async () => {
    const { ada } = await couple();
    lose = (_, { kind }) => kind === "answer";
    ada.pair.networkChanged(true);
    await pass(10);
    FakePeer.move();
    ada.pair.networkChanged(true);
    await pass(900);
    lose = () => false;
    await pass(1_000);
    expect(alive()).toBe(true);
  });

  it("and yet another before it is up again: once up, it looks for its way once more", async () => {
    const { ada, peers } = await couple();
    for (const peer of peers) peer.become("failed");
    ada.pair.networkChanged(true);
    await pass(10);
    ada.pair.networkChanged(true);
    await pass(500);
    expect(ada.pair.state).toBe("connected");
    await pass(1_500);
    expect(offers(ada)).toHaveLength(2);
    expect(alive()).toBe(true);
  });

  it("an answer that is lost does not keep the next offer from being made", async () => {
    const { ada, peers } = await couple();
    lose = (_, { kind }) => kind === "answer";
    ada.pair.networkChanged(true);
    await pass(1_000);
    lose = () => false;
    await pass(5_000);
    expect(peers.map(({ signalingState }) => signalingState)).toEqual(["stable", "stable"]);
    expect(alive()).toBe(true);
  });
});

describe("a sign that something may have changed", () => {
  it("leaves alone what is up", async () => {
    const { ada, bo } = await couple();
    for (let count = 0; count < 10; count += 1) {
      for (const { pair } of [ada, bo]) {
        pair.networkChanged(false);
        pair.refresh();
      }
      await pass(3_000);
    }
    expect([...ada.said, ...bo.said]).toEqual([]);
  });

  it("comes before an interruption, which is not waited out then", async () => {
    const { ada, bo, peers } = await couple();
    ada.pair.networkChanged(false);
    await pass(3_000);
    FakePeer.move(0);
    await pass(800);
    expect(alive()).toBe(true);
    expect(peers.map(({ restarts }) => restarts)).toEqual([1, 0]);
    expect(ada.interruptions + bo.interruptions).toBe(2);
  });

  it("is also that the server is back, or the other one at it", async () => {
    const { ada, bo } = await couple();
    up = false;
    FakePeer.move(0);
    await pass(500);
    up = true;
    for (const { pair } of [ada, bo]) pair.refresh();
    await pass(500);
    expect(alive()).toBe(true);
    expect([...ada.states, ...bo.states].filter((state) => state === "reconnecting")).toHaveLength(2);
  });

  it("mends at once what is down, also by the one who gives way", async () => {
    const { ada, bo } = await couple();
    FakePeer.blocked = true;
    for (const peer of FakePeer.all) peer.become("failed");
    await pass(60_000);
    const before = FakePeer.all.length;
    FakePeer.blocked = false;
    bo.pair.networkChanged(true);
    await pass(800);
    expect([ada.pair.state, bo.pair.state]).toEqual(["connected", "connected"]);
    expect(FakePeer.all.length).toBeLessThanOrEqual(before + 2);
  });
});

describe("without a sign", () => {
  it("an interruption is waited out for two seconds, and one that ends by itself costs nothing", async () => {
    const { ada, bo, peers } = await couple();
    for (const peer of peers) peer.become("disconnected");
    await pass(1_500);
    for (const peer of peers) peer.become("connected");
    await pass(30_000);
    expect([...ada.said, ...bo.said]).toEqual([]);
    expect([...ada.states, ...bo.states]).toEqual([]);
  });

  it("attempts follow each other ever more slowly: three restarts, then it is built anew and called failed", async () => {
    const { ada, peers } = await couple();
    FakePeer.blocked = true;
    // Bo hears nothing, so all the attempts are Ada's.
    lose = () => true;
    const began = performance.now();
    for (const peer of peers) peer.become("disconnected");
    await pass(12_000);
    expect(ada.states).toEqual(["reconnecting"]);
    await pass(48_000);
    expect(ada.states).toEqual(["reconnecting", "failed"]);
    const attempts = offers(ada).map((at) => at - began);
    expect(attempts[0]).toBeLessThan(2_500);
    expect(attempts.length).toBeLessThan(14);
    expect(FakePeer.all.length).toBeGreaterThan(2);
    // The other side's answer and candidates get through again: whatever was said in between does no harm.
    lose = () => false;
    FakePeer.blocked = false;
    await pass(60_000);
    expect(alive()).toBe(true);
    expect(ada.pair.state).toBe("connected");
  });

  it("gaps differ, so that not everyone tries at the same moment", async () => {
    const gaps = new Set<number>();
    for (let round = 0; round < 5; round += 1) {
      FakePeer.reset();
      const { ada } = await couple();
      FakePeer.blocked = true;
      for (const peer of FakePeer.all) peer.become("failed");
      await pass(15_000);
      const [first = 0, second = 0] = offers(ada);
      gaps.add(Math.round(second - first));
      ada.pair.close();
    }
    expect(gaps.size).toBeGreaterThan(1);
  });
});

it("a storm of signs does not become a storm of offers", async () => {
  const { ada, bo } = await couple();
  FakePeer.blocked = true;
  for (const peer of FakePeer.all) peer.become("failed");
  for (let count = 0; count < 1_200; count += 1) {
    for (const { pair } of [ada, bo]) pair.networkChanged(count % 2 === 0);
    await pass(100);
  }
  for (const one of [ada, bo]) {
    for (const at of offers(one)) expect(offers(one).filter((other) => other >= at && other < at + 60_000).length).toBeLessThan(12);
  }
  FakePeer.blocked = false;
  await pass(60_000);
  expect(alive()).toBe(true);
});

describe("ICE servers", () => {
  it("new ones are for what is gathered from then on, and touch nothing that is up", async () => {
    const { ada, bo, peers } = await couple();
    ada.host.iceServers = [{ urls: "turn:x", username: "new", credential: "secret" }];
    ada.host.relayOnly = true;
    ada.pair.configure();
    expect(peers[0]!.configuration).toEqual({
      iceServers: [{ urls: "turn:x", username: "new", credential: "secret" }],
      iceTransportPolicy: "relay",
      bundlePolicy: "max-bundle",
    });
    await pass(5_000);
    expect([...ada.said, ...bo.said]).toEqual([]);
    ada.pair.offer();
    await pass(1_000);
    expect(FakePeer.all.at(-2)!.configuration).toEqual(peers[0]!.configuration);
  });

  it("relay only, and no relay: there is no way, and none is told", async () => {
    const { ada, bo } = await couple();
    for (const { host } of [ada, bo]) host.relayOnly = true;
    ada.traces.length = 0;
    ada.pair.offer();
    await pass(5_000);
    expect(ada.said.map(({ kind }) => kind)).not.toContain("candidate");
    expect(ada.traces).toEqual([null]);
    expect(ada.pair.state).toBe("reconnecting");
  });

  it("what they answer is kept as traces", async () => {
    const { ada } = await couple();
    ada.traces.length = 0;
    FakePeer.servers = (url) => (url === "turn:silent" ? "is silent" : url === "turn:strict" ? { refuses: 401 } : "answers");
    ada.host.iceServers = [{ urls: ["stun:s", "turn:silent", "turn:strict", "turns:t"] }];
    ada.pair.offer();
    await pass(45_000);
    expect(ada.traces).toMatchObject([
      { url: "turn:strict", errorCode: 401 },
      { type: "host" },
      { type: "srflx", url: "stun:s" },
      { type: "relay", url: "turns:t", relayProtocol: "tls" },
      { url: "turn:silent", errorCode: 701 },
      null,
    ]);
  });
});
