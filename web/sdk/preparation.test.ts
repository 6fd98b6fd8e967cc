// A way to the server that is open before the person joins.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { JoinOptions, Preparation, Room } from "./api";
import { joinRoom } from "./join";
import { prepareRoom } from "./preparation";
import { FakePage } from "./testing/fake-page";
import { FakePeer, fakeTrack } from "./testing/fake-peer";
import { FakeServer } from "./testing/fake-server";
import { FakeSocket } from "./testing/fake-socket";
import { fakeBrowser, pass } from "./testing/setup";

fakeBrowser();

const url = "ws://x/ws/x";
let server: FakeServer;
beforeEach(() => {
  new FakePage();
  server = new FakeServer();
  server.route.topology = "server";
});

async function prepare(): Promise<Preparation> {
  const prepared = prepareRoom({ code: "x", url });
  await pass(100);
  return prepared;
}

async function come(name: string, options: Partial<JoinOptions> = {}): Promise<Room> {
  const room = await joinRoom({ code: "x", url, name, camera: fakeTrack("video"), ...options });
  await pass(200);
  await vi.dynamicImportSettled();
  return room;
}

const open = () => FakeSocket.all.filter(({ readyState }) => readyState === 1);
const live = () => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed");
const states = () => live().map(({ connectionState }) => connectionState);
const join = () => server.heard("Ada", "join");

describe("prepared", () => {
  it("the socket and the connection are those of the room, and media flows with the first word", async () => {
    const prepared = await prepare();
    expect(states()).toEqual(["connected"]);
    const [peer] = live();
    const camera = fakeTrack("video");
    const room = await come("Ada", { prepared, camera });
    expect(FakeSocket.all).toHaveLength(1);
    expect(live()).toEqual([peer]);
    expect(join()).toMatchObject([{ prepared: 1 }]);
    expect(join()[0]!.offer).toBeUndefined();
    expect(server.heard("Ada", "offer")).toEqual([]);
    expect(peer!.transceivers[1]!.sender.track).toBe(camera);
    await come("Bo");
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    peer!.arrive(1);
    await pass(50);
    expect(room.participants[0]!.track("camera")).toBe(peer!.transceivers[1]!.receiver.track);
    expect(room.participants[0]!.connection).toBe("connected");
    await room.leave();
    await pass(1_000);
    expect(live().filter((one) => one === peer)).toEqual([]);
  });

  it("for a meeting peer to peer: the socket alone is of use", async () => {
    server.route.topology = "mesh";
    const prepared = await prepare();
    expect(live()).toEqual([]);
    await come("Ada", { prepared });
    expect(FakeSocket.all).toHaveLength(1);
    expect(join()[0]).not.toHaveProperty("prepared");
    await come("Bo");
    await pass(500);
    expect(states()).toEqual(["connected", "connected"]);
  });

  it("for a meeting that has moved to the server since, and one that has left it", async () => {
    server.route.topology = "mesh";
    const prepared = await prepare();
    server.route.topology = "server";
    await come("Ada", { prepared });
    expect(states()).toEqual(["connected"]);
    expect(server.heard("Ada", "offer").map(({ offer }) => offer.connection)).toEqual([1]);
    const other = await prepare();
    server.route.topology = "mesh";
    await come("Bo", { prepared: other });
    expect(live().filter(({ transceivers }) => transceivers.length > 4)).toHaveLength(1);
  });

  it("before the answer is here: it is waited for in the room", async () => {
    server.silent = true;
    const prepared = await prepare();
    server.silent = false;
    await come("Ada", { prepared });
    await pass(5_000);
    expect(states()).toContain("connected");
    expect(live()).toHaveLength(1);
  });

  it("and not joined: nothing stays open", async () => {
    const prepared = await prepare();
    prepared.close();
    await pass(100);
    expect([open(), live()]).toEqual([[], []]);
    prepareRoom({ code: "x", url }).close();
    await pass(100);
    expect([open(), live()]).toEqual([[], []]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("and joined at once, before the socket is open: it is as without", async () => {
    const prepared = prepareRoom({ code: "x", url });
    await come("Ada", { prepared });
    expect(join()[0]).not.toHaveProperty("prepared");
    expect(states()).toEqual(["connected"]);
    expect(open()).toHaveLength(1);
  });

  it("the socket is kept alive, opened again when it is lost, and given up quietly", async () => {
    const prepared = await prepare();
    await pass(25_000);
    expect(FakeSocket.last.sent.filter(({ type }) => type === "ping")).toHaveLength(2);
    FakeSocket.last.drop();
    await pass(5_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(states()).toEqual(["connected"]);
    server.up = false;
    FakeSocket.last.drop();
    await pass(120_000);
    expect([open(), live()]).toEqual([[], []]);
    server.up = true;
    const room = await come("Ada", { prepared });
    expect(room.state.kind).toBe("connected");
    expect(states()).toEqual(["connected"]);
  });

  it("is not held for ever", async () => {
    await prepare();
    await pass(400_000);
    expect([open(), live()]).toEqual([[], []]);
  });

  it("the socket breaks while joining: the next attempt does without", async () => {
    const prepared = await prepare();
    const entering = joinRoom({ code: "x", url, name: "Ada", prepared });
    FakeSocket.last.drop();
    await pass(1_000);
    const room = await entering;
    await pass(500);
    expect(room.state.kind).toBe("connected");
    expect(join().at(-1)).not.toHaveProperty("prepared");
    expect(states()).toEqual(["connected"]);
    expect(server.heard("Ada", "offer")).toHaveLength(1);
  });

  it("the server says that it is full: joining is as without", async () => {
    const prepared = await prepare();
    FakeSocket.last.say({ type: "dropped", connection: 1, code: "full" });
    expect(live()).toEqual([]);
    await come("Ada", { prepared });
    expect(FakeSocket.all).toHaveLength(1);
    expect(states()).toEqual(["connected"]);
  });
});
