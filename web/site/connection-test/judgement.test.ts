import { expect, test } from "vitest";
import { best, enoughFor, standing, verdict } from "./judgement";
import type { Outcomes, RelayOutcome } from "./outcome";

const works: RelayOutcome = { is: "works", rttMs: 20 };
const blocked: RelayOutcome = { is: "blocked" };
const absent = { is: "absent" } as const;

const good: Outcomes = {
  camera: { is: "works", width: 640, height: 480 },
  microphone: { is: "works" },
  socket: { is: "works", rttMs: 12 },
  stun: { is: "works", address: "203.0.113.7" },
  udp: works,
  tcp: works,
  tls: absent,
  speed: { is: "works", kbps: 5_000, lossPercent: 0.1, most: true, over: "udp" },
};

const judge = (change: Partial<Outcomes>, relayOnly = false) => verdict({ ...good, ...change }, relayOnly);

test("where UDP gets out and back, calls work directly", () => {
  expect(judge({})).toEqual({ level: "good", headline: "test-verdict-direct", notes: ["test-note-relay"] });
  expect(judge({ udp: blocked })?.headline).toBe("test-verdict-direct");
});

test("without UDP it is the first relay that works", () => {
  const noUdp = { stun: { is: "blocked" }, udp: blocked } as const;
  expect(judge({ ...noUdp, udp: works })).toMatchObject({ level: "good", headline: "test-verdict-udp" });
  expect(judge(noUdp)).toMatchObject({ level: "fair", headline: "test-verdict-tcp", notes: ["test-ask-udp"] });
  expect(judge({ ...noUdp, tcp: blocked, tls: works })).toMatchObject({ level: "fair", headline: "test-verdict-tls" });
  expect(judge({ ...noUdp, tcp: blocked, tls: blocked })).toEqual({
    level: "bad",
    headline: "test-verdict-blocked",
    notes: ["test-ask-network"],
  });
});

test("a relay that answers and does not work is the operator's matter, not the network's", () => {
  const noRelay = { tcp: { is: "refused", code: 486 }, udp: blocked } as const;
  expect(judge({ ...noRelay, stun: { is: "blocked" } })).toMatchObject({ level: "bad", headline: "test-verdict-relay" });
  expect(judge({ udp: { is: "broken" }, tcp: blocked })).toEqual({
    level: "fair",
    headline: "test-verdict-most",
    notes: ["test-ask-operator"],
  });
});

test("where there is no relay, that is said", () => {
  const off = { udp: absent, tcp: absent, tls: absent, speed: absent } as const;
  expect(judge(off)).toEqual({ level: "fair", headline: "test-verdict-most", notes: ["test-note-no-relay"] });
  expect(judge({ ...off, stun: { is: "blocked" } })).toMatchObject({ level: "bad", headline: "test-verdict-near" });
});

test("where everything goes through the relay, a direct way does not count", () => {
  expect(judge({}, true)).toMatchObject({ level: "good", headline: "test-verdict-udp", notes: ["test-note-always"] });
  expect(judge({ udp: blocked, tcp: blocked }, true)).toMatchObject({ level: "bad", headline: "test-verdict-blocked" });
});

test("without a WebSocket, or without WebRTC, nothing else matters", () => {
  expect(judge({ socket: { is: "blocked" } })).toMatchObject({ level: "bad", headline: "test-verdict-socket" });
  expect(judge({ socket: { is: "too_often" } })?.level).toBe("good");
  expect(judge({ stun: { is: "unsupported" } })).toMatchObject({ level: "bad", headline: "test-verdict-unsupported" });
});

test("what a test that went wrong would have said is not guessed", () => {
  const failed = { is: "failed" } as const;
  expect(judge({ stun: failed, udp: failed, tcp: failed })).toMatchObject({ level: "bad", headline: "test-verdict-unknown" });
  expect(judge({ stun: failed })?.headline).toBe("test-verdict-udp");
});

test("a slow line, loss and devices make less of a good verdict, and say why", () => {
  const notes = (change: Partial<Outcomes>) => {
    const { level, notes } = judge(change)!;
    return [level, ...notes.filter((note) => note !== "test-note-relay")];
  };
  const speed = (kbps: number, lossPercent: number) => ({ is: "works", kbps, lossPercent, most: false, over: "udp" }) as const;
  expect(notes({ speed: speed(200, 0) })).toEqual(["fair", "test-note-slow"]);
  expect(notes({ speed: speed(3_000, 8) })).toEqual(["fair", "test-note-loss"]);
  expect(notes({ camera: { is: "denied" }, microphone: { is: "silent" } })).toEqual(["fair", "test-note-camera", "test-note-microphone"]);
  expect(notes({ camera: { is: "skipped" }, microphone: { is: "skipped" } })).toEqual(["good"]);
});

test("nothing is said before all of the network is known", () => {
  const { tls, ...rest } = good;
  expect(verdict(rest, false)).toBeNull();
  const { camera, microphone, ...network } = good;
  expect(verdict(network, false)?.level).toBe("good");
});

test("an outcome stands as it should", () => {
  expect(standing({ is: "works", rttMs: 1 })).toBe("works");
  expect(standing({ is: "works", kbps: 3_000, lossPercent: 20, most: false, over: "tcp" })).toBe("trouble");
  expect(standing({ is: "silent" })).toBe("trouble");
  expect(standing({ is: "not_found" })).toBe("blocked");
  expect(standing({ is: "unreachable" })).toBe("absent");
});

test("UDP before TCP before TLS", () => {
  expect(best({ udp: works, tcp: works })).toBe("udp");
  expect(best({ udp: blocked, tcp: works, tls: works })).toBe("tcp");
  expect(best({ udp: blocked, tcp: absent, tls: works })).toBe("tls");
  expect(best({})).toBeNull();
});

test("what a speed is enough for", () => {
  expect([0, 99, 100, 299, 300, 999, 1_000, 2_399, 2_400].map(enoughFor)).toEqual([
    "nothing",
    "nothing",
    "sound",
    "sound",
    "two",
    "two",
    "four",
    "four",
    "eight",
  ]);
});
