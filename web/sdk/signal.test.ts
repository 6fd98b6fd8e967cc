import { describe, expect, it, vi } from "vitest";
import type { ByeCode, DeniedCode, Welcome } from "./protocol.gen";
import { pauseBefore, Signal, type SignalState } from "./signal";
import { FakeSocket } from "./testing/fake-socket";
import { seeded } from "./testing/seeded";
import { fakeBrowser, pass, settle } from "./testing/setup";

fakeBrowser();

function connect() {
  const states: SignalState[] = [];
  const welcomes: Welcome[] = [];
  const messages: unknown[] = [];
  const signal = new Signal("ws://x/ws/room", {
    join: () => ({ name: "Ada", media: { microphone: true, camera: false, screen: false } }),
    resume: () => ({ chat_after: "m7", topology: "server" }),
    welcome: (welcome) => welcomes.push(welcome),
    message: (message) => messages.push(message),
    state: (state) => states.push(state),
  });
  return { signal, states, welcomes, messages };
}

function welcome(socket: FakeSocket, over: Partial<Welcome> = {}): void {
  socket.say({
    type: "welcome",
    ...({ you: "a", resume_token: "t1", seq: 0, resumed: "fresh", limits: { ping_interval_ms: 10_000 } } as Welcome),
    ...over,
  });
}

function joined(over?: Partial<Welcome>) {
  const all = connect();
  FakeSocket.last.open();
  welcome(FakeSocket.last, over);
  return all;
}

/** When the last of so many is back, who were all lost at 0 by a server that is away for a while and then refuses those who are too many. */
function storm(clients: number, perSecond: number, away: number): number {
  const random = seeded(7);
  const slice = 50;
  const due = new Map<number, number[]>([[0, Array.from({ length: clients }, () => 0)]]);
  let back = 0;
  for (let now = 0; ; now += slice) {
    let room = now < away ? 0 : (perSecond * slice) / 1000;
    // By lot, not in the order in which they were lost.
    for (const attempt of (due.get(now) ?? []).sort(() => random() - 0.5)) {
      if (room >= 1) {
        room -= 1;
        back += 1;
        continue;
      }
      const at = Math.ceil((now + 1 + pauseBefore(attempt + 1, random())) / slice) * slice;
      const others = due.get(at);
      if (others) others.push(attempt + 1);
      else due.set(at, [attempt + 1]);
    }
    due.delete(now);
    if (back === clients || now > 120_000) return now;
  }
}

describe("coming in", () => {
  it("offers the protocol and says join first", () => {
    const { signal, welcomes } = joined();
    expect(FakeSocket.last.protocol).toBe("fireside.v1");
    expect(FakeSocket.last.sent[0]).toEqual({ type: "join", name: "Ada", media: { microphone: true, camera: false, screen: false } });
    expect(welcomes).toHaveLength(1);
    expect(signal.state).toEqual({ kind: "open" });
  });

  it("sends nothing before the welcome", () => {
    const { signal } = connect();
    FakeSocket.last.open();
    expect(signal.send({ type: "hand", raised: true })).toBe(false);
    expect(FakeSocket.last.sent).toHaveLength(1);
  });

  it.each<DeniedCode>(["room_not_found", "invalid_name", "room_full", "rate_limited"])("ends when denied for %s", async (code) => {
    const { signal } = connect();
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "denied", code, message: "" });
    await pass(60_000);
    expect(signal.state).toEqual({ kind: "ended", reason: code });
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("waits a few seconds for a server that drains, then says so", async () => {
    const { signal } = connect();
    FakeSocket.onconnect = (socket) => queueMicrotask(() => (socket.open(), socket.say({ type: "denied", code: "draining", message: "" })));
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "denied", code: "draining", message: "" });
    await pass(4_000);
    expect(signal.state.kind).not.toBe("ended");
    await pass(20_000);
    expect(signal.state).toEqual({ kind: "ended", reason: "draining" });
  });

  it("gives up on a server that is not there", async () => {
    const { signal } = connect();
    FakeSocket.onconnect = (socket) => queueMicrotask(() => socket.drop());
    FakeSocket.last.drop();
    await pass(20_000);
    expect(signal.state).toEqual({ kind: "ended", reason: "lost" });
  });
});

describe("coming back", () => {
  it("resumes at once, naming the last frame and message that arrived", async () => {
    joined({ seq: 4 });
    await pass(6_000);
    FakeSocket.last.say({ seq: 5, type: "left", participant: "b", reason: "left" });
    FakeSocket.last.drop();
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.open();
    expect(FakeSocket.last.sent[0]).toMatchObject({ type: "join", resume: { token: "t1", seq: 5, chat_after: "m7" } });
  });

  it("hears each numbered frame once, also when it is replayed", async () => {
    const { messages } = joined();
    FakeSocket.last.say({ seq: 1, type: "left", participant: "b", reason: "left" });
    FakeSocket.last.drop();
    await pass(500);
    FakeSocket.last.open();
    welcome(FakeSocket.last, { resumed: "replayed", seq: 1, resume_token: "t2" });
    for (const seq of [1, 2, 2]) FakeSocket.last.say({ seq, type: "left", participant: `p${seq}`, reason: "left" });
    expect(messages).toMatchObject([{ participant: "b" }, { participant: "p2" }]);
  });

  it("counts anew from a snapshot", async () => {
    const { messages } = joined({ seq: 90 });
    FakeSocket.last.drop();
    await pass(500);
    FakeSocket.last.open();
    welcome(FakeSocket.last, { resumed: "snapshot", seq: 0 });
    FakeSocket.last.say({ seq: 1, type: "left", participant: "b", reason: "left" });
    expect(messages).toHaveLength(1);
  });

  it("tries first at once, then after an eighth of a second to 5 s, each time a different while", async () => {
    const { states } = joined();
    await pass(6_000);
    FakeSocket.onconnect = (socket) => queueMicrotask(() => socket.drop());
    FakeSocket.last.drop();
    const waits: number[] = [];
    for (let round = 0; round < 18; round += 1) {
      const last = states.at(-1)!;
      waits.push(last.kind === "waiting" ? last.retryAt - performance.now() : NaN);
      await vi.advanceTimersToNextTimerAsync();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(waits[0]).toBe(0);
    waits.slice(1).forEach((wait, index) => {
      const longest = Math.min(5_000, 250 * 1.25 ** index);
      expect(wait).toBeGreaterThanOrEqual(longest / 2 - 1);
      expect(wait).toBeLessThanOrEqual(longest);
    });
  });

  it("is lost after some minutes without an answer", async () => {
    const { signal } = joined();
    FakeSocket.onconnect = (socket) => queueMicrotask(() => socket.drop());
    FakeSocket.last.drop();
    await pass(120_000);
    expect(signal.state.kind).toBe("waiting");
    await pass(200_000);
    expect(signal.state).toEqual({ kind: "ended", reason: "lost" });
  });

  it("joins anew, once, when it cannot be who it was", async () => {
    const { signal } = joined();
    FakeSocket.last.drop();
    await pass(500);
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "denied", code: "resume_refused", message: "" });
    FakeSocket.last.open();
    expect(FakeSocket.last.sent[0]).not.toHaveProperty("resume");
    FakeSocket.last.say({ type: "denied", code: "resume_refused", message: "" });
    await pass(60_000);
    expect(signal.state).toEqual({ kind: "ended", reason: "lost" });
    expect(FakeSocket.all).toHaveLength(3);
  });

  it("notices a connection that died without a word", async () => {
    joined();
    await pass(10_000);
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "ping", seq: 0 });
    FakeSocket.last.say({ type: "pong" });
    await pass(9_999);
    expect(FakeSocket.all).toHaveLength(1);
    await pass(5_002);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("says every 64 frames what has arrived", () => {
    joined();
    const pings = () => FakeSocket.last.sent.filter(({ type }) => type === "ping");
    const frame = (seq: number) => FakeSocket.last.say({ type: "left", participant: "x", reason: "left", seq });
    for (let seq = 1; seq < 64; seq += 1) frame(seq);
    expect(pings()).toEqual([]);
    frame(64);
    expect(pings()).toEqual([{ type: "ping", seq: 64 }]);
    frame(65);
    expect(pings()).toHaveLength(1);
  });

  it("gives up an attempt that hangs", async () => {
    joined();
    FakeSocket.last.drop();
    await pass(500);
    const hanging = FakeSocket.all.length;
    await pass(9_000);
    expect(FakeSocket.all.length).toBeGreaterThan(hanging);
  });

  it("does not wait for a hanging attempt as long as it would at the door, but for a server that is busy", async () => {
    joined();
    await pass(6_000);
    FakeSocket.last.drop();
    await pass(0);
    expect(FakeSocket.all).toHaveLength(2);
    await pass(3_500);
    expect(FakeSocket.all.length).toBeGreaterThan(2);
    FakeSocket.last.open();
    const busy = FakeSocket.all.length;
    await pass(7_900);
    expect(FakeSocket.all).toHaveLength(busy);
    welcome(FakeSocket.last, { resumed: "replayed" });
    await pass(9_000);
    expect(FakeSocket.all).toHaveLength(busy);
  });

  it("comes back in less than half a minute, ten thousand at once, to a server that takes 700 a second", () => {
    expect(storm(10_000, 700, 2_000)).toBeLessThan(30_000);
  });
});

describe("a sign that the network has changed", () => {
  const pings = () => FakeSocket.last.sent.filter(({ type }) => type === "ping");

  it.each([
    [true, 1_000],
    [false, 2_000],
  ])("is followed by a question at once, with a short deadline (moved: %s)", async (moved, patience) => {
    const { signal } = joined();
    signal.wake(moved);
    expect(pings()).toHaveLength(1);
    await pass(patience - 1);
    expect(FakeSocket.all).toHaveLength(1);
    await pass(2);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("changes nothing where the server answers", async () => {
    const { signal } = joined();
    signal.wake(true);
    await pass(800);
    FakeSocket.last.say({ type: "pong" });
    await pass(9_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("said again and again does not put the deadline off", async () => {
    const { signal } = joined();
    for (let count = 0; count < 5; count += 1) {
      signal.wake(false);
      await pass(500);
    }
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });

  it("ends the wait for the next attempt", async () => {
    const { signal } = joined();
    await pass(6_000);
    FakeSocket.onconnect = (socket) => queueMicrotask(() => socket.drop());
    FakeSocket.last.drop();
    await pass(30_000);
    expect(signal.state.kind).toBe("waiting");
    const before = FakeSocket.all.length;
    signal.wake(false);
    expect(FakeSocket.all).toHaveLength(before + 1);
    await pass(0);
    // And those that follow begin anew, too.
    expect(signal.state.kind === "waiting" && signal.state.retryAt - performance.now()).toBeLessThanOrEqual(250);
  });

  it("gives up an attempt that went out into the network before", async () => {
    const { signal } = joined();
    FakeSocket.last.drop();
    await pass(2_000);
    const hanging = FakeSocket.last;
    expect(signal.state.kind).toBe("connecting");
    signal.wake(false);
    expect(FakeSocket.last).toBe(hanging);
    signal.wake(true);
    expect(FakeSocket.last).not.toBe(hanging);
    hanging.open();
    expect(hanging.sent).toEqual([]);
  });
});

describe("the server ends it", () => {
  it.each<ByeCode>(["restarting", "too_slow", "idle"])("comes back after %s", async (code) => {
    joined();
    FakeSocket.last.say({ type: "bye", code, message: "" });
    await pass(1_000);
    FakeSocket.last.open();
    expect(FakeSocket.last.sent[0]).toMatchObject({ resume: { token: "t1" } });
  });

  it.each<ByeCode>(["replaced", "signed_out", "room_deleted", "left"])("stays away after %s", async (code) => {
    const { signal } = joined();
    FakeSocket.last.say({ type: "bye", code, message: "" });
    await pass(60_000);
    expect(signal.state).toEqual({ kind: "ended", reason: code });
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("does not come back at once when it misbehaved, and not a second time", async () => {
    const { signal } = joined();
    FakeSocket.last.say({ type: "bye", code: "misbehaving", message: "" });
    await pass(9_000);
    expect(FakeSocket.all).toHaveLength(1);
    await pass(1_500);
    FakeSocket.last.open();
    welcome(FakeSocket.last);
    FakeSocket.last.say({ type: "bye", code: "misbehaving", message: "" });
    await pass(60_000);
    expect(signal.state).toEqual({ kind: "ended", reason: "misbehaving" });
  });

  it("leaves with a word", async () => {
    const { signal } = joined();
    const leaving = signal.leave();
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "leave" });
    FakeSocket.last.drop();
    await leaving;
    expect(signal.state).toEqual({ kind: "ended", reason: "left" });
  });
});
