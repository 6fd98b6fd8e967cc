// What people see of their ways to each other, and what becomes of the ways: whole rooms on a server in memory.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { JoinOptions, Participant, Room, RoomEvents } from "../api";
import { joinRoom } from "../join";
import { FakePage } from "../testing/fake-page";
import { FakePeer, fakeTrack } from "../testing/fake-peer";
import { FakeServer } from "../testing/fake-server";
import { FakeSocket } from "../testing/fake-socket";
import { fakeBrowser, pass, settle } from "../testing/setup";

fakeBrowser();

const STUN = { urls: ["stun:198.51.100.7:443"] };
const RELAY = { urls: ["turn:198.51.100.7:443?transport=udp"], username: "u", credential: "c" };

let server: FakeServer;
let page: FakePage;
beforeEach(() => {
  page = new FakePage();
  server = new FakeServer();
});

async function come(name: string, options: Partial<JoinOptions> = {}): Promise<Room> {
  const camera = fakeTrack("video", { width: 1280, height: 720 });
  const room = await joinRoom({ code: "x", url: "ws://x/ws/x", name, camera, ...options });
  await settle();
  await vi.dynamicImportSettled();
  return room;
}

async function couple(): Promise<{ ada: Room; bo: Room; peers: FakePeer[] }> {
  const [ada, bo] = [await come("Ada"), await come("Bo")];
  await pass(6_000);
  const peers = FakePeer.all.slice(-2);
  expect(peers.map(({ connectionState }) => connectionState)).toEqual(["connected", "connected"]);
  return { ada, bo, peers };
}

const other = (room: Room): Participant => room.participants[0]!;
const restarts = (peers: readonly FakePeer[]): number => peers.reduce((sum, peer) => sum + peer.restarts, 0);
const seats = (): FakeSocket[] => ["Ada", "Bo"].map((name) => server.seat(name).socket!);
const live = (): FakePeer[] => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed");
const alive = (): boolean => live().every((peer) => peer.alive);

function heard<K extends keyof RoomEvents>(room: Room, event: K): RoomEvents[K][] {
  const all: RoomEvents[K][] = [];
  room.on(event, (detail) => all.push(detail));
  return all;
}

describe("readings", () => {
  it("come every two seconds, and the last two minutes are kept", async () => {
    const { ada } = await couple();
    const { id } = other(ada);
    const measured = heard(ada, "measured");
    await pass(20_000);
    expect(measured).toHaveLength(10);
    expect(ada.stats(id)).toMatchObject({
      kbitsIn: 300,
      kbitsOut: 300,
      rtt: 20,
      loss: 0,
      path: "direct",
      transport: "udp",
      quality: "good",
    });
    expect(ada.uplink()).toEqual({ kbits: 300, limited: null });
    await pass(200_000);
    const history = ada.history(id);
    expect(history).toHaveLength(60);
    expect(history.at(-1)).toBe(ada.stats(id));
    expect(history.slice(1).every(({ at }, index) => Math.round(at - history[index]!.at) === 2_000)).toBe(true);
  });

  it("are rarer while the page is hidden", async () => {
    const { ada } = await couple();
    const measured = heard(ada, "measured");
    page.show(false);
    await pass(60_000);
    expect(measured).toHaveLength(6);
    page.show(true);
    await pass(10_000);
    expect(measured).toHaveLength(11);
  });

  it("sum up what we send, and say what limits it", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy", "Di"]) await come(name);
    await pass(6_000);
    for (const peer of live()) peer.quality.limited = "cpu";
    await pass(2_000);
    expect(ada.uplink()).toEqual({ kbits: 900, limited: "cpu" });
    live()[0]!.quality.limited = "bandwidth";
    await pass(2_000);
    expect(ada.uplink().limited).toBe("bandwidth");
  });

  it("end with the room, and with who has left", async () => {
    const { ada, bo } = await couple();
    const { id } = other(ada);
    await bo.leave();
    await pass(3_000);
    expect(ada.history(id)).toEqual([]);
    expect(ada.stats(id)).toBeNull();
    const measured = heard(ada, "measured");
    await ada.leave();
    await pass(10_000);
    expect(measured).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("quality", () => {
  it("becomes worse and better with the readings, and everyone who listens is told once each", async () => {
    const { ada, peers } = await couple();
    const marks: string[] = [];
    ada.on("updated", ({ id, quality }) => id === other(ada).id && quality !== marks.at(-1) && marks.push(quality));
    for (const peer of peers) peer.quality.loss = 0.05;
    await pass(2_100);
    expect(other(ada).quality).toBe("good");
    await pass(2_000);
    expect(other(ada).quality).toBe("fair");
    for (const peer of peers) peer.quality.loss = 0.3;
    await pass(4_100);
    for (const peer of peers) peer.quality.loss = 0;
    await pass(10_000);
    expect(marks).toEqual(["fair", "poor", "good"]);
  });

  it("is lost as soon as the way is shown as interrupted, and back with it", async () => {
    const { ada, peers } = await couple();
    FakePeer.blocked = true;
    for (const peer of peers) peer.become("disconnected");
    await pass(2_100);
    expect(other(ada)).toMatchObject({ connection: "reconnecting", quality: "lost" });
    await pass(2_000);
    expect(ada.stats(other(ada).id)).toMatchObject({ kbitsIn: 0, rtt: null, path: null, quality: "lost" });
    FakePeer.blocked = false;
    for (const peer of peers) peer.become("connected");
    await pass(2_100);
    expect(other(ada)).toMatchObject({ connection: "connected", quality: "good" });
  });

  it("of ourselves is that of whoever comes through best", async () => {
    const ada = await come("Ada");
    expect(ada.local.quality).toBe("good");
    await come("Bo");
    await come("Cy");
    await pass(6_000);
    const [toBo, , toCy] = live();
    toBo!.quality.rtt = 900;
    await pass(6_000);
    expect(ada.participants.map(({ quality }) => quality)).toEqual(["poor", "good"]);
    expect(ada.local.quality).toBe("good");
    toCy!.quality.rtt = 400;
    await pass(6_000);
    expect(ada.local.quality).toBe("fair");
  });
});

describe("another network", () => {
  it("the page is told: media is back within a second, over the same peer connection", async () => {
    const { ada, bo, peers } = await couple();
    const states = heard(ada, "state");
    FakePeer.move();
    page.window.dispatchEvent(new Event("online"));
    await pass(1_000);
    expect(alive()).toBe(true);
    expect(live()).toEqual(peers);
    expect([ada, bo].map((room) => other(room).connection)).toEqual(["connected", "connected"]);
    expect(states).toEqual([]);
  });

  it("only the connection to the server breaks, without a sign: nothing arrives any more, so it is not waited for", async () => {
    const { peers } = await couple();
    FakePeer.move(20_000);
    for (const socket of seats()) socket.drop();
    await pass(2_000);
    expect(alive()).toBe(true);
    expect(restarts(peers)).toBe(1);
  });

  it("the page comes back to the front, and nothing arrives", async () => {
    const { peers } = await couple();
    page.show(false);
    await pass(30_000);
    FakePeer.move(20_000);
    page.show(true);
    await pass(2_000);
    expect(alive()).toBe(true);
    expect(restarts(peers)).toBe(1);
  });

  it("the connection to the server breaks, but media goes on: nothing is restarted", async () => {
    const { ada, peers } = await couple();
    for (const socket of seats()) socket.drop();
    await pass(60_000);
    expect(ada.state).toEqual({ kind: "connected" });
    expect(restarts(peers)).toBe(0);
    expect(live()).toEqual(peers);
  });

  it("the server is away at the same time: ICE is restarted as soon as it is back", async () => {
    const { ada, bo } = await couple();
    server.up = false;
    FakePeer.move();
    for (const name of ["Ada", "Bo"]) server.lose(name);
    page.window.dispatchEvent(new Event("offline"));
    await pass(10_000);
    expect([ada, bo].map((room) => other(room).connection)).toEqual(["reconnecting", "reconnecting"]);
    server.up = true;
    page.window.dispatchEvent(new Event("online"));
    await pass(1_500);
    expect(alive()).toBe(true);
    expect([ada, bo].map((room) => other(room).connection)).toEqual(["connected", "connected"]);
  });

  it("a laptop that slept: the dead connection to the server is found out at once, and what is down is mended", async () => {
    const { ada } = await couple();
    const silent = server.seat("Ada").socket!;
    silent.die();
    FakePeer.move(0);
    await pass(10);
    vi.setSystemTime(Date.now() + 3_600_000);
    await pass(4_500);
    expect(silent.readyState).toBe(3);
    expect(ada.state).toEqual({ kind: "connected" });
    expect(alive()).toBe(true);
  });

  it("an interruption makes the connection to the server prove itself", async () => {
    const { peers } = await couple();
    const socket = server.seat("Ada").socket!;
    const pings = () => socket.sent.filter(({ type }) => type === "ping").length;
    const before = pings();
    peers[0]!.become("disconnected");
    await pass(10);
    expect(pings()).toBe(before + 1);
  });
});

describe("the relay", () => {
  beforeEach(() => {
    server.iceServers = [STUN, RELAY];
    FakePeer.direct = false;
  });

  it("is left for a direct way as soon as there is one, ever less often looked for, and by one side alone", async () => {
    const { ada, bo, peers } = await couple();
    expect(ada.stats(other(ada).id)?.path).toBe("relay");
    const seen: string[] = [];
    for (const room of [ada, bo]) room.on("updated", ({ connection }) => connection === "connected" || seen.push(connection));
    await pass(20_000);
    expect(restarts(peers)).toBe(1);
    await pass(60_000);
    expect(restarts(peers)).toBe(2);
    await pass(200_000);
    expect(restarts(peers)).toBe(2);
    FakePeer.direct = true;
    await pass(110_000);
    expect(restarts(peers)).toBe(3);
    expect([ada, bo].map((room) => room.stats(other(room).id)?.path)).toEqual(["direct", "direct"]);
    await pass(700_000);
    expect(restarts(peers)).toBe(3);
    expect(seen).toEqual([]);
  });

  it("is left sooner when there is a sign of another network", async () => {
    const { peers } = await couple();
    await pass(21_000);
    expect(restarts(peers)).toBe(1);
    FakePeer.direct = true;
    page.document.dispatchEvent(new Event("resume"));
    await pass(25_000);
    expect(restarts(peers)).toBe(2);
    expect(peers.map(({ path }) => path)).toEqual(["direct", "direct"]);
  });

  it("is not left where nothing else is allowed", async () => {
    server.relayOnly = true;
    FakePeer.direct = true;
    const { ada, peers } = await couple();
    expect(peers.map(({ configuration }) => configuration.iceTransportPolicy)).toEqual(["relay", "relay"]);
    await pass(400_000);
    expect(ada.stats(other(ada).id)?.path).toBe("relay");
    expect(restarts(peers)).toBe(0);
  });

  it("is gone with the server's process: what went through it is restarted at once, with the new credentials", async () => {
    const { ada, bo, peers } = await couple();
    // Everyone is silent, so that nothing else would tell.
    for (const peer of peers) peer.quality.kbits = 1;
    await pass(4_000);
    FakePeer.move(60_000);
    server.kill();
    server.iceServers = [STUN, { ...RELAY, credential: "new" }];
    server.restart();
    await pass(3_000);
    expect(alive()).toBe(true);
    expect(live()).toEqual(peers);
    expect(restarts(peers)).toBe(1);
    expect([ada, bo].map((room) => other(room).connection)).toEqual(["connected", "connected"]);
    for (const peer of peers) expect(peer.configuration.iceServers).toContainEqual({ ...RELAY, credential: "new" });
  });

  it("gives fresh credentials now and then, for old connections and new ones", async () => {
    const { peers } = await couple();
    const fresh = [{ ...RELAY, credential: "fresh" }];
    for (const name of ["Ada", "Bo"]) server.seat(name).socket!.say({ type: "ice_servers", ice_servers: fresh });
    expect(peers.map(({ configuration }) => configuration.iceServers)).toEqual([fresh, fresh]);
    expect(restarts(peers)).toBe(0);
    server.iceServers = fresh;
    await come("Cy");
    for (const peer of live()) expect(peer.configuration.iceServers).toEqual(fresh);
  });
});

it("a direct way has nothing to do with the server's process", async () => {
  server.iceServers = [STUN, RELAY];
  const { peers } = await couple();
  server.kill();
  server.restart();
  await pass(60_000);
  expect(restarts(peers)).toBe(0);
  expect(live()).toEqual(peers);
});

describe("who cannot be reached", () => {
  it("is told once, with the reason, and again when it comes to that again", async () => {
    server.iceServers = [STUN, RELAY];
    FakePeer.direct = false;
    FakePeer.servers = () => "is silent";
    const ada = await come("Ada");
    const told = heard(ada, "unreachable");
    await come("Bo");
    await pass(60_000);
    expect(other(ada).connection).toBe("failed");
    expect(told).toMatchObject([{ participant: { name: "Bo" }, diagnosis: { kind: "udp_blocked", failing: [other(ada).id] } }]);
    expect(await ada.diagnosis()).toEqual(told[0]!.diagnosis);
    FakePeer.servers = () => "answers";
    await pass(60_000);
    expect(other(ada).connection).toBe("connected");
    FakePeer.blocked = true;
    for (const peer of live()) peer.become("failed");
    await pass(120_000);
    expect(told).toHaveLength(2);
    expect(told[1]!.diagnosis.kind).toBe("peer_unreachable");
  });

  it("without a relay: that there is none", async () => {
    server.iceServers = [STUN];
    FakePeer.direct = false;
    const ada = await come("Ada");
    await come("Bo");
    await pass(60_000);
    expect(await ada.diagnosis()).toMatchObject({ kind: "no_relay", server: true, found: [{ kind: "host" }, { kind: "srflx" }] });
  });
});

describe("what the person does while the server is away is so when it is back", () => {
  async function away(act: (room: Room) => void | Promise<void>): Promise<{ ada: Room; bo: Room; seen: Participant }> {
    const ada = await come("Ada", { microphone: fakeTrack("audio") });
    const bo = await come("Bo");
    ada.raiseHand(true);
    await pass(6_000);
    expect(other(bo).handRaisedAt).not.toBeNull();
    server.up = false;
    server.lose("Ada");
    await pass(3_000);
    await act(ada);
    expect(ada.state.kind).toBe("reconnecting");
    server.up = true;
    await pass(6_000);
    expect(ada.state).toEqual({ kind: "connected" });
    return { ada, bo, seen: other(bo) };
  }

  it("microphone, camera and screen", async () => {
    const { ada, bo, seen } = await away(async ({ local }) => {
      await local.setTrack("microphone", null);
      await local.setTrack("camera", null);
      await local.setTrack("camera", fakeTrack("video"));
      await local.setTrack("screen", fakeTrack("video"));
    });
    expect(seen).toMatchObject({ microphone: false, camera: true, screen: true });
    expect(ada.local).toMatchObject({ microphone: false, camera: true, screen: true });
    expect(bo.participants).toHaveLength(1);
    expect(seen.track("screen")).not.toBeNull();
  });

  it("a hand that goes down", async () => {
    const { ada, seen } = await away((room) => room.raiseHand(false));
    expect(seen.handRaisedAt).toBeNull();
    expect(ada.local.handRaisedAt).toBeNull();
  });

  it("a hand that goes down and up again", async () => {
    const { seen } = await away((room) => {
      room.raiseHand(false);
      room.raiseHand(true);
    });
    expect(seen.handRaisedAt).not.toBeNull();
  });

  it("a name", async () => {
    const { ada, seen } = await away((room) => room.rename("Ada Lovelace"));
    expect([seen.name, ada.local.name]).toEqual(["Ada Lovelace", "Ada Lovelace"]);
  });

  it("chat, in its order and once each", async () => {
    const { ada, bo } = await away(({ chat }) => ["one", "two", "three"].forEach((text) => chat.send(text)));
    for (const { chat } of [ada, bo]) expect(chat.messages.map(({ text }) => text)).toEqual(["one", "two", "three"]);
    expect(ada.chat.pending).toEqual([]);
  });

  it("also what went into a connection that was dead already", async () => {
    const [ada, bo] = [await come("Ada"), await come("Bo")];
    await pass(6_000);
    server.seat("Ada").socket!.die();
    ada.raiseHand(true);
    ada.rename("Ada Lovelace");
    await ada.local.setTrack("camera", null);
    ada.chat.send("into the void");
    page.window.dispatchEvent(new Event("online"));
    await pass(3_000);
    expect(other(bo)).toMatchObject({ name: "Ada Lovelace", camera: false });
    expect(other(bo).handRaisedAt).not.toBeNull();
    expect(bo.chat.messages.map(({ text }) => text)).toEqual(["into the void"]);
  });
});
