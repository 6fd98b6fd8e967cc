import { beforeEach, describe, expect, it } from "vitest";
import type { Source } from "../api";
import type { SignalBody } from "../protocol.gen";
import { FakePeer, fakeTrack } from "../testing/fake-peer";
import { fakeBrowser, pass } from "../testing/setup";
import { Pair, type PairHost } from "./pair";

fakeBrowser();

/** Ms that a message takes. */
const DELAY = 50;

let said: { from: string; connection: number; body: SignalBody }[];
let lose: (from: string, body: SignalBody) => boolean;
let up: boolean;
let delay: number;

beforeEach(() => {
  said = [];
  lose = () => false;
  up = true;
  delay = DELAY;
});

/** Ada (impolite) and Bo (polite), as each sees the other, with messages that take their time. */
function couple(): { toBo: Pair; toAda: Pair } {
  const camera = fakeTrack("video", { width: 1280, height: 720 });
  const host = (from: string, other: () => Pair): PairHost => ({
    signal(_to, connection, body) {
      if (!up) return false;
      said.push({ from, connection, body });
      if (!lose(from, body)) setTimeout(() => other().receive(connection, body), delay);
      return true;
    },
    changed: () => undefined,
    tracks: new Map<Source, MediaStreamTrack>([["camera", camera]]),
    iceServers: [],
    relayOnly: false,
    trace: () => undefined,
    others: () => 1,
    signalling: () => up,
    interrupted: () => undefined,
  });
  const toBo: Pair = new Pair(
    "bo",
    false,
    host("ada", () => toAda),
  );
  const toAda: Pair = new Pair(
    "ada",
    true,
    host("bo", () => toBo),
  );
  return { toBo, toAda };
}

const live = (): FakePeer[] => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed");
const kinds = (from: string): string[] => said.filter((message) => message.from === from).map(({ body }) => body.kind);

function expectWhole({ toBo, toAda }: ReturnType<typeof couple>): void {
  expect([toBo.state, toAda.state]).toEqual(["connected", "connected"]);
  expect(live().map(({ transceivers }) => transceivers.length)).toEqual([4, 4]);
  expect(live().map(({ signalingState }) => signalingState)).toEqual(["stable", "stable"]);
  expect(FakePeer.refused).toBe(0);
  for (const pair of [toBo, toAda]) expect(pair.track("camera")).not.toBeNull();
  for (const pair of [toBo, toAda]) expect(pair.track("microphone")).toBeNull();
}

describe("the first offer", () => {
  it("is answered, and candidates follow their description", async () => {
    const both = couple();
    both.toAda.expect();
    both.toBo.offer();
    await pass(DELAY * 4);
    expectWhole(both);
    expect(kinds("ada")).toEqual(["offer", "candidate"]);
    expect(kinds("bo")).toEqual(["answer", "candidate"]);
  });

  it("made by both at once is answered by the polite one, who gives up its own", async () => {
    const both = couple();
    both.toBo.offer();
    both.toAda.offer();
    await pass(DELAY * 6);
    expectWhole(both);
    expect(kinds("ada")).not.toContain("answer");
    expect(kinds("bo")).toContain("answer");
  });

  it("that never comes is made by the one who waited", async () => {
    const both = couple();
    both.toAda.expect();
    await pass(20_000);
    expectWhole(both);
    expect(kinds("bo")[0]).toBe("offer");
  });

  it("waits until the server is there", async () => {
    const both = couple();
    up = false;
    both.toAda.expect();
    both.toBo.offer();
    await pass(60_000);
    expect(said).toEqual([]);
    up = true;
    both.toBo.refresh();
    both.toAda.refresh();
    await pass(DELAY * 6);
    expectWhole(both);
  });
});

describe("a message that is lost", () => {
  it("an offer is said again when messages get through again", async () => {
    const both = couple();
    lose = () => true;
    both.toAda.expect();
    both.toBo.offer();
    await pass(DELAY * 6);
    lose = () => false;
    both.toBo.refresh();
    await pass(DELAY * 6);
    expectWhole(both);
    expect(FakePeer.all).toHaveLength(2);
  });

  it("an answer: the offer is said again, and answered again", async () => {
    const both = couple();
    lose = (_, { kind }) => kind === "answer";
    both.toAda.expect();
    both.toBo.offer();
    await pass(DELAY * 6);
    lose = () => false;
    await pass(3_500);
    expectWhole(both);
    expect(FakePeer.all).toHaveLength(2);
    expect(FakePeer.all.map(({ restarts }) => restarts)).toEqual([0, 0]);
  });

  it("every candidate: the connection is restarted", async () => {
    const both = couple();
    lose = (_, body) => body.kind === "candidate";
    both.toAda.expect();
    both.toBo.offer();
    await pass(DELAY * 6);
    expect(both.toBo.state).toBe("connecting");
    lose = () => false;
    await pass(15_000);
    expectWhole(both);
    expect(FakePeer.all.map(({ restarts }) => restarts)).toEqual([1, 0]);
  });
});

describe("mending", () => {
  async function interrupted() {
    const both = couple();
    both.toAda.expect();
    both.toBo.offer();
    await pass(DELAY * 6);
    const peers = live();
    for (const peer of peers) peer.become("failed");
    said = [];
    return { both, peers };
  }

  it("is left to the polite one when the other does nothing", async () => {
    const { both, peers } = await interrupted();
    lose = (from) => from === "ada";
    await pass(3_600);
    expect(kinds("bo")).toContain("offer");
    lose = () => false;
    await pass(40_000);
    expectWhole(both);
    expect(peers).toHaveLength(2);
  });

  it("waits while they cannot be reached; when both begin at once, the polite one rolls back", async () => {
    const { both, peers } = await interrupted();
    both.toBo.reachable = both.toAda.reachable = false;
    await pass(30_000);
    expect(said).toEqual([]);
    both.toBo.reachable = both.toAda.reachable = true;
    delay = 500;
    both.toBo.refresh();
    both.toAda.refresh();
    await pass(delay * 6);
    expectWhole(both);
    expect(live()).toEqual(peers);
    expect(kinds("ada")).not.toContain("answer");
    expect(kinds("bo")).toEqual(expect.arrayContaining(["offer", "answer"]));
  });
});

it("tries again at once when it is asked to, and not while it is up", async () => {
  const both = couple();
  FakePeer.blocked = true;
  both.toAda.expect();
  both.toBo.offer();
  await pass(180_000);
  expect(both.toBo.state).toBe("failed");
  FakePeer.blocked = false;
  both.toBo.retry();
  await pass(0);
  expect(both.toBo.state).toBe("connecting");
  await pass(DELAY * 6);
  expectWhole(both);
  const peers = live();
  both.toBo.retry();
  await pass(DELAY * 6);
  expectWhole(both);
  expect(live()).toEqual(peers);
});

it("what is late from an earlier connection changes nothing", async () => {
  const both = couple();
  both.toAda.expect();
  both.toBo.offer();
  await pass(DELAY * 6);
  const late = [...said];
  both.toBo.offer();
  await pass(DELAY * 6);
  expectWhole(both);
  const peers = live();
  said = [];
  for (const { from, connection, body } of late) (from === "ada" ? both.toAda : both.toBo).receive(connection, body);
  await pass(DELAY * 6);
  expect(said).toEqual([]);
  expect(live()).toEqual(peers);
  expectWhole(both);
});

it("has no effect once closed", async () => {
  const { toBo } = couple();
  toBo.offer();
  await pass(DELAY);
  toBo.close();
  const count = kinds("ada").length;
  toBo.receive(1, { kind: "offer", sdp: "" });
  await toBo.setTrack("camera", null);
  await pass(60_000);
  expect(kinds("ada")).toHaveLength(count);
  expect(FakePeer.all[0]?.signalingState).toBe("closed");
});
