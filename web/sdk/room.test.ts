import { beforeEach, describe, expect, it, vi } from "vitest";
import type { JoinOptions, Participant, Room, Source } from "./api";
import { joinRoom } from "./join";
import { FakePeer, fakeTrack } from "./testing/fake-peer";
import { FakeServer } from "./testing/fake-server";
import { FakeSocket } from "./testing/fake-socket";
import { fakeBrowser, pass, settle } from "./testing/setup";

fakeBrowser();

let server: FakeServer;
beforeEach(() => void (server = new FakeServer()));

async function come(name: string, options: Partial<JoinOptions> = {}): Promise<Room> {
  const joining = joinRoom({ code: "x", url: "ws://x/ws/x", name, ...options });
  const room = await joining;
  await settle();
  await vi.dynamicImportSettled();
  return room;
}

const withMedia = (): Partial<JoinOptions> => ({
  microphone: fakeTrack("audio"),
  camera: fakeTrack("video", { width: 1280, height: 720 }),
});
const person = (room: Room, name: string): Participant => room.participants.find((participant) => participant.name === name)!;
const names = (room: Room): string[] => room.participants.map(({ name }) => name);
const ways = (room: Room): string[] => room.participants.map(({ connection }) => connection);
const texts = (room: Room): string[] => room.chat.messages.map(({ text }) => text);
/** Peer connections that were not closed. */
const live = (): FakePeer[] => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed");
/** What this participant was sent about its peer connections. */
const signals = (name: string, kind: string) =>
  server.seat(name).log.flatMap((message) => (message.type === "signal" && message.body.kind === kind ? [message] : []));

describe("joining", () => {
  it("those present offer, the newcomer answers, and everyone is connected", async () => {
    const rooms = [await come("Ada", withMedia()), await come("Bo", withMedia()), await come("Cy", withMedia())];
    for (const room of rooms) expect(ways(room)).toEqual(["connected", "connected"]);
    expect(["Ada", "Bo", "Cy"].map((name) => signals(name, "offer").length)).toEqual([0, 1, 2]);
    expect(live()).toHaveLength(6);
    for (const peer of live()) {
      expect(peer.transceivers.map(({ receiver, direction }) => [receiver.track.kind, direction])).toEqual([
        ["audio", "sendrecv"],
        ["video", "sendrecv"],
        ["video", "sendrecv"],
        ["audio", "sendrecv"],
      ]);
    }
  });

  it("says who came and left, but not who was there", async () => {
    const ada = await come("Ada");
    const heard: string[] = [];
    ada.on("joined", ({ name }) => heard.push(`${name} came`));
    ada.on("left", ({ participant, reason }) => heard.push(`${participant.name} ${reason}`));
    const bo = await come("Bo");
    bo.on("joined", () => heard.push("never"));
    await bo.leave();
    await settle();
    expect(heard).toEqual(["Bo came", "Bo left"]);
    expect(ada.participants).toEqual([]);
    expect(bo.state).toEqual({ kind: "ended", reason: "left" });
    expect(live()).toEqual([]);
  });

  it("rejects with the server's code", async () => {
    FakeSocket.onconnect = (socket) =>
      queueMicrotask(() => (socket.open(), socket.say({ type: "denied", code: "room_full", message: "" })));
    await expect(joinRoom({ code: "x", url: "ws://x" })).rejects.toMatchObject({ code: "room_full" });
  });

  it("rejects as unreachable when nobody answers, and leaves the tracks to the caller", async () => {
    server.up = false;
    const microphone = fakeTrack("audio");
    const joining = joinRoom({ code: "x", url: "ws://x", microphone });
    const rejected = expect(joining).rejects.toMatchObject({ code: "unreachable" });
    await pass(30_000);
    await rejected;
    expect(microphone.readyState).toBe("live");
  });
});

describe("media", () => {
  it("a track is there only while it carries media", async () => {
    const ada = await come("Ada");
    const bo = await come("Bo", withMedia());
    expect(person(ada, "Bo").track("camera")).not.toBeNull();
    expect(person(ada, "Bo").track("screen")).toBeNull();
    const camera = bo.local.track("camera")!;
    await bo.local.setTrack("camera", null);
    await settle();
    expect(person(ada, "Bo").camera).toBe(false);
    expect(person(ada, "Bo").track("camera")).toBeNull();
    expect(camera.readyState).toBe("ended");
  });

  it("switching, replacing and sharing never negotiate again", async () => {
    const ada = await come("Ada");
    const bo = await come("Bo");
    const sources: [Source, "audio" | "video"][] = [
      ["microphone", "audio"],
      ["camera", "video"],
      ["camera", "video"],
      ["screen", "video"],
      ["screen_audio", "audio"],
    ];
    for (const [source, kind] of sources) await bo.local.setTrack(source, fakeTrack(kind));
    await settle();
    for (const [source] of sources) expect(person(ada, "Bo").track(source), source).not.toBeNull();
    expect(person(ada, "Bo")).toMatchObject({ microphone: true, camera: true, screen: true });
    expect(signals("Bo", "offer")).toHaveLength(1);
    expect(signals("Ada", "offer")).toHaveLength(0);
    await bo.local.setTrack("screen", null);
    expect(bo.local.track("screen_audio")).toBeNull();
  });

  it("says when a device is gone", async () => {
    const ada = await come("Ada");
    const bo = await come("Bo", withMedia());
    const lost: Source[] = [];
    bo.on("source_lost", (source) => lost.push(source));
    bo.local.track("camera")!.dispatchEvent(new Event("ended"));
    await settle();
    expect(lost).toEqual(["camera"]);
    expect(person(ada, "Bo").camera).toBe(false);
  });

  it("sends a smaller picture the more people there are, and a larger one when they go", async () => {
    const ada = await come("Ada", withMedia());
    const encoding = () => live()[0]!.transceivers[1]!.sender.parameters.encodings[0];
    await come("Bo");
    expect(encoding()).toMatchObject({ maxBitrate: 1_700_000, scaleResolutionDownBy: 1 });
    await come("Cy");
    expect(encoding()).toMatchObject({ maxBitrate: 900_000, scaleResolutionDownBy: 1280 / 960 });
    await come("Di");
    expect(encoding()).toMatchObject({ maxBitrate: 500_000, scaleResolutionDownBy: 2 });
    server.remove("Cy");
    server.remove("Di");
    await settle();
    expect(encoding()).toMatchObject({ maxBitrate: 1_700_000, scaleResolutionDownBy: 1 });
    expect(names(ada)).toEqual(["Bo"]);
  });
});

describe("negotiation", () => {
  it("a greater number replaces the peer connection", async () => {
    const ada = await come("Ada");
    const bo = await come("Bo");
    const [offer] = signals("Bo", "offer");
    const [old] = FakePeer.all.slice(-1);
    server.deliver(server.seat("Bo"), { ...offer!, connection: 5 });
    await settle();
    expect(old!.signalingState).toBe("closed");
    expect(bo.participants).toHaveLength(1);
    expect(names(ada)).toEqual(["Bo"]);
  });

  it("a candidate of an offer that was given up does no harm", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await come("Ada");
    const bo = await come("Bo");
    const [candidate] = signals("Bo", "candidate");
    const body = { ...candidate!.body, username_fragment: "of-another-offer" } as never;
    for (let count = 0; count < 500; count += 1) server.deliver(server.seat("Bo"), { ...candidate!, body });
    await settle();
    expect(ways(bo)).toEqual(["connected"]);
    expect(warn).not.toHaveBeenCalled();
  });

  it("a connection that does not come up is restarted, then rebuilt, and called failed at last", async () => {
    FakePeer.blocked = true;
    const ada = await come("Ada", withMedia());
    const bo = await come("Bo");
    const first = live();
    await pass(8_500);
    expect(live()).toEqual(first);
    expect(first[0]!.restarts).toBe(1);
    await pass(11_000);
    expect(first[0]!.signalingState).toBe("closed");
    expect(live()).toHaveLength(2);
    await pass(60_000);
    expect(ways(ada)).toEqual(["failed"]);
    FakePeer.blocked = false;
    await pass(40_000);
    expect([...ways(ada), ...ways(bo)]).toEqual(["connected", "connected"]);
    for (const peer of live()) expect(peer.transceivers).toHaveLength(4);
    expect(live()).toHaveLength(2);
  });

  it("an interrupted connection is mended by one side", async () => {
    const ada = await come("Ada");
    const bo = await come("Bo");
    const peers = live();
    FakePeer.blocked = true;
    for (const peer of peers) peer.become("disconnected");
    await pass(1_000);
    expect(ways(ada)).toEqual(["connected"]);
    await pass(1_500);
    expect([...ways(ada), ...ways(bo)]).toEqual(["reconnecting", "reconnecting"]);
    expect(peers.map(({ restarts }) => restarts)).toEqual([1, 0]);
    FakePeer.blocked = false;
    for (const peer of peers) peer.become("connected");
    await settle();
    expect([...ways(ada), ...ways(bo)]).toEqual(["connected", "connected"]);
  });
});

describe("a lost connection to the server", () => {
  it("is replayed: nothing is built anew, and what was missed arrives", async () => {
    const ada = await come("Ada");
    const bo = await come("Bo");
    await pass(6_000);
    const before = FakePeer.all.length;
    const same = person(ada, "Bo");
    server.lose("Ada");
    await settle();
    bo.chat.send("hello");
    await pass(1_000);
    expect(ada.state).toEqual({ kind: "connected" });
    expect(texts(ada)).toEqual(["hello"]);
    expect(FakePeer.all).toHaveLength(before);
    expect(person(ada, "Bo")).toBe(same);
  });

  it("shows the others as reconnecting while they are away", async () => {
    const ada = await come("Ada");
    await come("Bo");
    FakeSocket.onconnect = () => undefined;
    server.lose("Bo");
    await settle();
    expect(ways(ada)).toEqual(["reconnecting"]);
  });

  it("tells the server at the door what the person did meanwhile", async () => {
    const ada = await come("Ada", withMedia());
    const bo = await come("Bo");
    await pass(6_000);
    server.up = false;
    server.lose("Ada");
    await settle();
    await ada.local.setTrack("camera", null);
    ada.chat.send("while away");
    expect(ada.state.kind).toBe("reconnecting");
    expect(ada.chat.pending).toMatchObject([{ text: "while away", state: "sending" }]);
    server.up = true;
    await pass(6_000);
    expect(person(bo, "Ada").camera).toBe(false);
    expect(texts(bo)).toEqual(["while away"]);
    expect(texts(ada)).toEqual(["while away"]);
    expect(ada.chat.pending).toEqual([]);
  });

  it("survives the server's death: same people, same peer connections, each message once", async () => {
    const rooms = [await come("Ada", withMedia()), await come("Bo", withMedia()), await come("Cy", withMedia())];
    await pass(6_000);
    const peers = live();
    const people = rooms.map((room) => [...room.participants]);
    server.kill();
    await settle();
    rooms.forEach((room, index) => room.chat.send(`m${index}`));
    await pass(3_000);
    server.restart();
    await pass(8_000);
    rooms.forEach((room, index) => {
      expect(room.state).toEqual({ kind: "connected" });
      expect(room.participants).toEqual(people[index]);
      expect(ways(room)).toEqual(["connected", "connected"]);
      expect([...texts(room)].sort()).toEqual(["m0", "m1", "m2"]);
      expect(room.chat.pending).toEqual([]);
    });
    await pass(30_000);
    expect(live()).toEqual(peers);
    expect(rooms.map(({ participants }) => participants.length)).toEqual([2, 2, 2]);
  });

  it("gives up those who did not come back after the server's restart", async () => {
    const ada = await come("Ada");
    await come("Bo");
    const left: string[] = [];
    ada.on("left", ({ participant, reason }) => left.push(`${participant.name} ${reason}`));
    const connect = FakeSocket.onconnect;
    server.kill();
    server.restart();
    // Only the first who tries gets through.
    FakeSocket.onconnect = (socket) => (connect(socket), (FakeSocket.onconnect = () => undefined));
    await pass(10_000);
    expect(ada.state).toEqual({ kind: "connected" });
    expect(ways(ada)).toEqual(["reconnecting"]);
    await pass(15_000);
    expect(left).toEqual(["Bo lost"]);
    expect(ada.participants).toEqual([]);
  });

  it("finds those again whom it had given up", async () => {
    const ada = await come("Ada", withMedia());
    const bo = await come("Bo", withMedia());
    const connect = FakeSocket.onconnect;
    server.kill();
    server.restart();
    FakeSocket.onconnect = (socket) => (connect(socket), (FakeSocket.onconnect = () => undefined));
    await pass(26_000);
    expect(ada.participants).toEqual([]);
    FakeSocket.onconnect = connect;
    await pass(10_000);
    expect([...ways(ada), ...ways(bo)]).toEqual(["connected", "connected"]);
    expect(live()).toHaveLength(2);
    expect(person(ada, "Bo").track("camera")).not.toBeNull();
    expect(person(bo, "Ada").track("camera")).not.toBeNull();
  });

  it("builds anew what was not up when messages may have been lost", async () => {
    FakePeer.blocked = true;
    const ada = await come("Ada");
    const bo = await come("Bo");
    const first = live();
    await pass(1_000);
    server.kill();
    server.restart();
    FakePeer.blocked = false;
    await pass(2_500);
    expect([...ways(ada), ...ways(bo)]).toEqual(["connected", "connected"]);
    expect(live()).toHaveLength(2);
    expect(live().some((peer) => first.includes(peer))).toBe(false);
  });

  it("comes back as somebody new when it was away for too long, and loses no message", async () => {
    const ada = await come("Ada", withMedia());
    const bo = await come("Bo");
    const was = ada.local.id;
    const same = person(ada, "Bo");
    server.mute = true;
    ada.chat.send("kept, not heard of");
    await settle();
    server.mute = false;
    server.up = false;
    server.lose("Ada");
    server.remove("Ada", "lost");
    await settle();
    ada.chat.send("later");
    server.up = true;
    await pass(10_000);
    expect(ada.state).toEqual({ kind: "connected" });
    expect(ada.local.id).not.toBe(was);
    expect(person(ada, "Bo")).toBe(same);
    expect([...ways(ada), ...ways(bo)]).toEqual(["connected", "connected"]);
    expect(texts(bo)).toEqual(["kept, not heard of", "later"]);
    expect(texts(ada)).toEqual(texts(bo));
    expect(ada.chat.messages.every((message) => ada.chat.isOwn(message))).toBe(true);
    expect(ada.chat.pending).toEqual([]);
  });

  it("an offer that was lost with the connection is said again", async () => {
    const ada = await come("Ada");
    const bo = joinRoom({ code: "x", url: "ws://x", name: "Bo" });
    // Bo is told to exist, but Ada's connection breaks before anything of hers gets out.
    const seat = server.seat("Ada");
    const socket = seat.socket as FakeSocket;
    socket.heard = () => undefined;
    await settle();
    server.lose("Ada");
    await pass(3_000);
    expect([...ways(ada), ...ways(await bo)]).toEqual(["connected", "connected"]);
    expect(FakePeer.all).toHaveLength(2);
  });
});

describe("ourselves", () => {
  it("keeps its own name until the server has a better one, and takes a refused one back", async () => {
    const ada = await come("Ada");
    ada.rename("   ");
    expect(ada.local.name).toBe("   ");
    FakeSocket.last.say({ type: "error", code: "invalid_name", message: "", about: "rename" });
    expect(ada.local.name).toBe("Ada");
  });

  it("shows its own hand at once", async () => {
    const ada = await come("Ada");
    ada.raiseHand(true);
    expect(ada.local.handRaisedAt).not.toBeNull();
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "hand", raised: true });
    ada.raiseHand(false);
    expect(ada.local.handRaisedAt).toBeNull();
  });

  it("stops its devices when it ends", async () => {
    const ada = await come("Ada", withMedia());
    const tracks = [ada.local.track("microphone")!, ada.local.track("camera")!];
    FakeSocket.last.say({ type: "bye", code: "room_deleted", message: "" });
    expect(ada.state).toEqual({ kind: "ended", reason: "room_deleted" });
    expect(tracks.map(({ readyState }) => readyState)).toEqual(["ended", "ended"]);
  });
});
