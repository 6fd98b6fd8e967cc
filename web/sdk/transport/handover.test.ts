// From a mesh to the server and back: what people see and hear meanwhile. Whole rooms on a server in memory.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { JoinOptions, Participant, Room, Source } from "../api";
import { joinRoom } from "../join";
import type { Topology } from "../protocol.gen";
import { FakePage } from "../testing/fake-page";
import { FakePeer, fakeTrack } from "../testing/fake-peer";
import { FakeServer } from "../testing/fake-server";
import { FakeSocket } from "../testing/fake-socket";
import { seeded } from "../testing/seeded";
import { fakeBrowser, pass, settle } from "../testing/setup";

fakeBrowser();

let server: FakeServer;
beforeEach(() => {
  new FakePage();
  server = new FakeServer();
});

async function come(name: string, options: Partial<JoinOptions> = {}): Promise<Room> {
  const camera = fakeTrack("video", { width: 1280, height: 720 });
  const room = await joinRoom({ code: "x", url: "ws://x/ws/x", name, camera, microphone: fakeTrack("audio"), ...options });
  await pass(200);
  await vi.dynamicImportSettled();
  return room;
}

const of = (room: Room, name: string): Participant => room.participants.find((person) => person.name === name)!;
const live = (): FakePeer[] => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed");
const links = (): FakePeer[] => live().filter(({ transceivers }) => transceivers.length >= 7);
const pairs = (): FakePeer[] => live().filter(({ transceivers }) => transceivers.length === 4);
const track = (peer: FakePeer, index: number): unknown => peer.transceivers[index]!.receiver.track;
const settled = (name: string): number[] => server.heard(name, "settled").map(({ change }) => change);

/** The sections of places, and of the sources of a pair. */
const VIDEO = [1, 2, 5, 6] as const;
const AUDIO = [0, 3, 4] as const;
const SOURCES = ["microphone", "camera", "screen", "screen_audio"] as const satisfies readonly Source[];

/** Everybody's own connection with the server, in the order in which they came. */
const mine = (): FakePeer => links()[0]!;

/** Ada and Bo in a mesh, as Ada sees it. */
async function couple(): Promise<{ ada: Room; bo: Participant; pair: FakePeer }> {
  const ada = await come("Ada");
  await come("Bo");
  await pass(500);
  const pair = pairs()[0]!;
  expect(of(ada, "Bo").track("camera")).toBe(track(pair, 1));
  return { ada, bo: of(ada, "Bo"), pair };
}

const playing = (room: Room): unknown[] => room.voices.filter((voice) => voice.enabled);

describe("up", () => {
  it("shows the picture of the mesh until that of the server has been decoded, and closes the mesh at the end alone", async () => {
    const { ada, bo, pair } = await couple();
    server.go("server", true);
    await pass(100);
    expect(ada.route).toEqual({ topology: "server", changing: true, reason: "size" });
    expect(bo.track("camera")).toBe(track(pair, 1));
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    await pass(200);
    expect(bo.track("camera")).toBe(track(pair, 1));
    expect(settled("Ada")).toEqual([]);
    mine().arrive(VIDEO[0]);
    await pass(50);
    expect(bo.track("camera")).toBe(track(mine(), VIDEO[0]));
    expect(of(ada, "Bo")).toBe(bo);
    // The page takes a moment to show it.
    expect(settled("Ada")).toEqual([]);
    await pass(500);
    expect(settled("Ada")).toEqual([1]);
    expect(pair.connectionState).toBe("connected");
    server.go("server", false);
    await pass(150);
    expect(pair.connectionState).toBe("closed");
    expect(ada.route.changing).toBe(false);
    expect(bo.connection).toBe("connected");
    await pass(20_000);
    expect(settled("Ada")).toEqual([1]);
  });

  it("never plays a voice twice, and never not at all", async () => {
    const { ada, pair } = await couple();
    const voice = track(pair, 0);
    expect(playing(ada)).toEqual([voice]);
    server.go("server", true);
    await pass(100);
    const slots = AUDIO.map((index) => track(mine(), index));
    expect(ada.voices).toEqual([voice, ...slots]);
    expect(playing(ada)).toEqual([voice]);
    server.place("Ada", ["audio", 1, ["Bo", "microphone"]]);
    await pass(200);
    expect(playing(ada)).toEqual([voice]);
    mine().arrive(AUDIO[1]);
    await pass(50);
    expect(playing(ada)).toEqual([slots[1]]);
    // Who has been heard by way of the server stays with it when somebody louder takes the place.
    server.place("Ada", ["audio", 1, null]);
    await pass(50);
    expect(playing(ada)).toEqual([]);
    server.place("Ada", ["audio", 2, ["Bo", "microphone"]]);
    await pass(1);
    expect(playing(ada)).toEqual([slots[2]]);
    server.go("server", false);
    await pass(10);
    expect(ada.voices).toEqual(slots);
    expect(playing(ada)).toEqual(slots);
  });

  it("waits ten seconds after its own way is up, and no longer, for what does not come", async () => {
    const { ada, bo, pair } = await couple();
    server.silent = true;
    server.go("server", true);
    await pass(3_000);
    server.silent = false;
    await pass(2_000);
    expect(mine().connectionState).toBe("connected");
    expect(settled("Ada")).toEqual([]);
    await pass(10_500);
    expect(settled("Ada")).toEqual([1]);
    expect(bo.track("camera")).toBe(track(pair, 1));
    expect(ada.voices).toHaveLength(4);
  });

  it("does not wait for what is not looked at, is off, or is held back", async () => {
    const { ada } = await couple();
    await come("Cy", { camera: null });
    await come("Di");
    await pass(500);
    const [bo, cy, di] = ["Bo", "Cy", "Di"].map((name) => of(ada, name).id) as [string, string, string];
    ada.show([
      { id: bo, source: "camera", height: 180 },
      { id: cy, source: "camera", height: 180 },
    ]);
    server.go("server", true);
    await pass(3_000);
    expect(settled("Ada")).toEqual([]);
    server.tell("Ada", { type: "held", tracks: [{ participant: bo, source: "camera" }], reason: "line" });
    await pass(500);
    expect(settled("Ada")).toEqual([1]);
    expect(of(ada, "Di").track("camera")).not.toBeNull();
    expect(of(ada, "Bo").held).toBeNull();
    expect(di).toBeDefined();
  });

  it("somebody who joins meanwhile lands in the new way, with everybody", async () => {
    const { ada, pair } = await couple();
    server.go("server", true);
    await pass(200);
    const before = pairs().length;
    const cy = await come("Cy");
    await pass(200);
    expect(pairs()).toHaveLength(before);
    expect(cy.route.topology).toBe("server");
    expect(settled("Cy")).toEqual([1]);
    expect(of(ada, "Cy").connection).toBe("connected");
    server.place("Ada", ["video", 0, ["Cy", "camera"]]);
    mine().arrive(VIDEO[0]);
    await pass(50);
    expect(of(ada, "Cy").track("camera")).toBe(track(mine(), VIDEO[0]));
    expect(of(ada, "Bo").track("camera")).toBe(track(pair, 1));
    // It is called off: they, too, are reached peer to peer.
    server.go("mesh", false);
    await pass(500);
    expect(links()).toEqual([]);
    expect(pairs()).toHaveLength(6);
    expect(pairs().every(({ connectionState }) => connectionState === "connected")).toBe(true);
    expect(of(ada, "Bo").track("camera")).toBe(track(pair, 1));
    expect(of(ada, "Cy").track("camera")).not.toBeNull();
  });

  it("is over before a picture has come: the last one stays for a moment, in silence", async () => {
    const { ada, bo, pair } = await couple();
    server.go("server", true);
    await pass(1_000);
    server.place("Ada", ["audio", 0, ["Bo", "microphone"]]);
    server.go("server", false);
    await pass(1_000);
    expect(bo.track("camera")).toBe(track(pair, 1));
    expect(playing(ada)).toEqual(AUDIO.map((index) => track(mine(), index)));
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    mine().arrive(VIDEO[0]);
    await pass(50);
    expect(bo.track("camera")).toBe(track(mine(), VIDEO[0]));
    // The page takes a moment to show it.
    expect(pair.connectionState).toBe("connected");
    await pass(150);
    expect(pair.connectionState).toBe("closed");
  });

  it("is over, and a picture does not come: the last one stays no longer than a moment", async () => {
    const { bo, pair } = await couple();
    server.go("server", true);
    await pass(1_000);
    server.go("server", false);
    await pass(2_500);
    expect(pair.connectionState).toBe("closed");
    expect(bo.track("camera")).toBeNull();
  });

  it("is called off: everything stays as it was", async () => {
    const { ada, bo, pair } = await couple();
    server.go("server", true);
    await pass(200);
    server.place("Ada", ["video", 0, ["Bo", "camera"]], ["audio", 0, ["Bo", "microphone"]]);
    for (const index of [VIDEO[0], AUDIO[0]]) mine().arrive(index);
    await pass(50);
    expect(bo.track("camera")).not.toBe(track(pair, 1));
    server.go("mesh", false);
    await pass(100);
    expect(bo.track("camera")).toBe(track(pair, 1));
    expect(playing(ada)).toEqual([track(pair, 0)]);
    expect(links()).toEqual([]);
    expect(pair.connectionState).toBe("connected");
    await pass(30_000);
    expect(settled("Ada")).toEqual([]);
  });

  it("the server drops us on the way: the mesh is heard and seen again, then there is another connection", async () => {
    const { ada, bo, pair } = await couple();
    server.go("server", true);
    await pass(200);
    server.place("Ada", ["video", 0, ["Bo", "camera"]], ["audio", 0, ["Bo", "microphone"]]);
    for (const index of [VIDEO[0], AUDIO[0]]) mine().arrive(index);
    await pass(50);
    expect(playing(ada)).not.toContain(track(pair, 0));
    server.silent = true;
    server.tell("Ada", { type: "dropped", connection: 1, code: "full" });
    await pass(100);
    expect(playing(ada)).toEqual([track(pair, 0)]);
    expect(bo.track("camera")).toBe(track(pair, 1));
    expect(bo.connection).toBe("connected");
  });

  it("the messages' connection breaks on the way: it goes on, and that we have settled is said when it is back", async () => {
    const { bo } = await couple();
    server.go("server", true);
    await pass(200);
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    server.up = false;
    server.lose("Ada");
    mine().arrive(VIDEO[0]);
    await pass(1_000);
    expect(settled("Ada")).toEqual([]);
    server.up = true;
    await pass(2_000);
    expect(settled("Ada")).toEqual([1]);
    expect(bo.track("camera")).not.toBeNull();
  });

  it("is missed, because we were away: the mesh is left at once", async () => {
    const { ada, bo, pair } = await couple();
    const { socket } = server.seat("Ada");
    socket!.die();
    server.go("server", true);
    server.go("server", false);
    socket!.drop();
    await pass(1_000);
    expect(ada.route).toEqual({ topology: "server", changing: false, reason: "size" });
    expect(pair.connectionState).toBe("closed");
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    links().at(-1)!.arrive(VIDEO[0]);
    await pass(50);
    expect(bo.track("camera")).not.toBeNull();
  });
});

describe("down", () => {
  async function through(): Promise<{ ada: Room; bo: Participant; link: FakePeer }> {
    server.route.topology = "server";
    const ada = await come("Ada");
    await come("Bo");
    server.place("Ada", ["video", 0, ["Bo", "camera"]], ["audio", 0, ["Bo", "microphone"]]);
    const link = mine();
    for (const index of [VIDEO[0], AUDIO[0]]) link.arrive(index);
    await pass(100);
    const bo = of(ada, "Bo");
    expect(bo.track("camera")).toBe(track(link, VIDEO[0]));
    return { ada, bo, link };
  }

  it("shows and plays the server's until the mesh's has arrived, and closes the server's at the end alone", async () => {
    const { ada, bo, link } = await through();
    const slots = AUDIO.map((index) => track(link, index));
    expect(playing(ada)).toEqual(slots);
    server.go("mesh", true);
    await pass(300);
    const pair = pairs()[0]!;
    expect(pair.connectionState).toBe("connected");
    expect(bo.track("camera")).toBe(track(link, VIDEO[0]));
    expect(playing(ada)).toEqual(slots);
    pair.arrive(0);
    await pass(50);
    expect(playing(ada)).toEqual([track(pair, 0), slots[1], slots[2]]);
    expect(settled("Ada")).toEqual([]);
    pair.arrive(1);
    await pass(50);
    expect(bo.track("camera")).toBe(track(pair, 1));
    await pass(500);
    expect(settled("Ada")).toEqual([1]);
    expect(link.connectionState).toBe("connected");
    server.go("mesh", false);
    expect(link.connectionState).toBe("connected");
    await pass(150);
    expect(link.connectionState).toBe("closed");
    expect(playing(ada)).toEqual([track(pair, 0)]);
    expect(bo.track("camera")).toBe(track(pair, 1));
  });

  it("somebody who joins meanwhile has the mesh alone, and the others have it with them", async () => {
    const { ada } = await through();
    server.go("mesh", true);
    await pass(300);
    const before = links().length;
    const cy = await come("Cy");
    await pass(300);
    expect(links()).toHaveLength(before);
    expect(cy.participants.map(({ connection }) => connection)).toEqual(["connected", "connected"]);
    expect(of(ada, "Cy").connection).toBe("connected");
    expect(of(ada, "Cy").track("camera")).not.toBeNull();
  });

  it("whom it does not reach is named, in time for the meeting to turn back; the picture never stood still", async () => {
    const { ada, bo, link } = await through();
    FakePeer.direct = false;
    server.go("mesh", true);
    await pass(14_000);
    expect(server.heard("Ada", "condition")).toEqual([]);
    await pass(3_000);
    expect(server.heard("Ada", "condition")).toEqual([{ type: "condition", unreachable: [bo.id], strained: null }]);
    expect(settled("Ada")).toEqual([]);
    server.go("server", true);
    await pass(1_000);
    expect(bo.track("camera")).toBe(track(link, VIDEO[0]));
    expect(settled("Ada")).toEqual([2]);
    expect(links()[0]).toBe(link);
    server.go("server", false);
    await pass(2_500);
    expect(pairs()).toEqual([]);
    expect(ada.voices).toHaveLength(3);
    // It stands, as it cannot be found out anew, until they have left.
    await pass(60_000);
    expect(server.heard("Ada", "condition")).toHaveLength(1);
    server.remove("Bo");
    await pass(10);
    expect(server.heard("Ada", "condition").at(-1)).toEqual({ type: "condition", unreachable: [], strained: null });
  });

  it("and up and down again: the peer connections have greater numbers each time", async () => {
    const { bo } = await through();
    for (const [topology, index] of [
      ["mesh", 0],
      ["server", 1],
      ["mesh", 2],
    ] as const) {
      // prettier-ignore
      server.go(topology, true);
      await pass(1_000);
      server.go(topology, false);
      await pass(1_000);
      expect([index, bo.connection]).toEqual([index, "connected"]);
    }
    const signals = server.heard("Ada", "signal").filter(({ body }) => body.kind === "offer");
    expect(signals.map(({ connection }) => connection)).toEqual([1, 2]);
    expect(pairs()).toHaveLength(2);
  });
});

describe("what the server says of it", () => {
  const heardOfChange = async (ada: Room, change: number, topology: Topology, changing: boolean): Promise<boolean> => {
    const before = { ...ada.route };
    server.deliver(server.seat("Ada"), { type: "topology", topology, change, changing, reason: "size" });
    await pass(10);
    return ada.route.topology !== before.topology || ada.route.changing !== before.changing;
  };

  it("is ignored when it is of a change before, or begins one that is over", async () => {
    const { ada, pair } = await couple();
    server.go("server", true);
    await pass(100);
    expect(await heardOfChange(ada, 0, "mesh", false)).toBe(false);
    server.go("server", false);
    await pass(2_500);
    const [link] = links();
    expect(await heardOfChange(ada, 1, "server", true)).toBe(false);
    expect(await heardOfChange(ada, 0, "mesh", true)).toBe(false);
    expect(await heardOfChange(ada, 0, "mesh", false)).toBe(false);
    expect(links()[0]).toBe(link);
    expect(pair.connectionState).toBe("closed");
    expect(await heardOfChange(ada, 2, "mesh", true)).toBe(true);
  });

  it("is believed of another run, which counts anew", async () => {
    const { ada } = await couple();
    for (const topology of ["server", "mesh", "server"] as const) {
      server.go(topology, true);
      await pass(500);
      server.go(topology, false);
      await pass(500);
    }
    server.kill();
    server.restart();
    server.route = { topology: "mesh", changing: true, change: 1, reason: "size" };
    await pass(5_000);
    expect(ada.route).toMatchObject({ topology: "mesh", changing: true });
    server.go("mesh", false);
    await pass(500);
    expect(ada.route).toMatchObject({ topology: "mesh", changing: false });
  });
});

describe("a server that has forgotten everything is told how media travelled", () => {
  const told = async (name: string): Promise<unknown> => {
    server.lose(name);
    await pass(3_000);
    const joins = FakeSocket.all.flatMap(({ sent }) => sent.filter((message) => message.type === "join"));
    return joins.at(-1)?.resume?.topology;
  };

  it("by the server, unless a change was under way: then peer to peer, which outlives it", async () => {
    await couple();
    expect(await told("Ada")).toBe("mesh");
    server.go("server", true);
    await pass(100);
    expect(await told("Ada")).toBe("mesh");
    server.go("server", false);
    await pass(100);
    expect(await told("Ada")).toBe("server");
    server.go("mesh", true);
    await pass(100);
    expect(await told("Ada")).toBe("mesh");
    server.go("mesh", false);
    await pass(100);
    expect(await told("Ada")).toBe("mesh");
  });

  it("also by who came while it was under way and has the one way alone", async () => {
    await couple();
    server.go("server", true);
    await pass(100);
    const cy = await come("Cy");
    expect(cy.route).toMatchObject({ topology: "server", changing: false });
    expect(await told("Cy")).toBe("mesh");
    server.go("server", false);
    await pass(100);
    expect(await told("Cy")).toBe("server");
  });
});

describe("whatever the order", () => {
  /** One step of what a server and the network do, as far as it can happen now. */
  async function step(random: () => number, names: readonly string[]): Promise<void> {
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
    const other = pick(names);
    const link = links().find((peer) => peer.connectionState === "connected");
    switch (Math.floor(random() * 8)) {
      case 0:
        return void server.go(pick(["mesh", "server"] as const), random() < 0.7);
      case 1:
        return void (
          server.seat("Ada").offer && server.place("Ada", ["video", pick([0, 1, 2]), random() < 0.8 ? [other, "camera"] : null])
        );
      case 2:
        return void (
          server.seat("Ada").offer && server.place("Ada", ["audio", pick([0, 1, 2]), random() < 0.8 ? [other, "microphone"] : null])
        );
      case 3:
        return void server.seat("Ada").socket?.drop();
      default:
        for (const index of [...VIDEO, ...AUDIO]) if (random() < 0.5) link?.arrive(index, 1, random() < 0.5 ? 1 : 0);
        for (const pair of pairs())
          SOURCES.forEach((_, index) => random() < 0.5 && !pair.transceivers[index]!.receiver.track.muted && pair.arrive(index));
    }
  }

  /** Everybody's picture is theirs alone, and of a connection that is there; nobody's voice comes both ways. */
  function check(room: Room): void {
    const carriers = new Map<string, string>();
    for (const person of room.participants) {
      const shown = person.track("camera");
      if (!shown) continue;
      expect(carriers.get(shown.id), "two people with one picture").toBeUndefined();
      carriers.set(shown.id, person.name);
      const inPlace = links().some((peer) => VIDEO.some((index) => track(peer, index) === shown));
      const inMesh = pairs().some((peer) => track(peer, 1) === shown);
      expect(inPlace || inMesh, "a picture of a connection that is closed").toBe(true);
    }
    // While the server cannot be heard nobody knows whom its places carry.
    const seat = server.seat("Ada");
    if (!seat.socket || room.state.kind !== "connected") return;
    const link = links().find((peer) => AUDIO.some((index) => room.voices.includes(track(peer, index) as MediaStreamTrack)));
    for (const { slot, track: given } of [...seat.slots.values()].filter(({ kind }) => kind === "audio")) {
      const place = link?.transceivers[AUDIO[slot]!]?.receiver.track;
      const person = room.participants.find(({ id }) => id === given?.participant);
      if (!place?.enabled || !person) continue;
      const voices = pairs().map((pair) => track(pair, 0) as MediaStreamTrack);
      const theirs = voices.filter((voice) => room.voices.includes(voice) && voice === person.track("microphone") && voice.enabled);
      expect(theirs, "heard twice").toEqual([]);
    }
  }

  it.each(Array.from({ length: 40 }, (_, seed) => seed + 1))("nobody has another's picture, or is heard twice (%i)", async (seed) => {
    const random = seeded(seed);
    const names = ["Bo", "Cy"];
    const ada = await come("Ada");
    for (const name of names) await come(name);
    await pass(500);
    for (let steps = 0; steps < 60; steps += 1) {
      await step(random, names);
      await pass(Math.floor(random() * 400));
      check(ada);
    }
    // In the end all is well, whatever there was before.
    server.go("mesh", true);
    await pass(3_000);
    server.go("mesh", false);
    await pass(20_000);
    for (const person of ada.participants) expect([person.connection, person.track("camera") !== null]).toEqual(["connected", true]);
    expect(links()).toEqual([]);
    expect(playing(ada)).toHaveLength(2);
    await settle();
  });
});
