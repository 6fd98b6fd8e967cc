// Media by way of the server, and the change between it and a mesh: whole rooms on a server in memory.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { JoinOptions, Participant, Room, RoomEvents } from "../api";
import { joinRoom } from "../join";
import type { Offer } from "../protocol.gen";
import { FakePage } from "../testing/fake-page";
import { FakePeer, fakeTrack } from "../testing/fake-peer";
import { FakeServer } from "../testing/fake-server";
import { FakeSocket } from "../testing/fake-socket";
import { fakeBrowser, pass, settle } from "../testing/setup";

fakeBrowser();

let server: FakeServer;
let page: FakePage;
beforeEach(() => {
  page = new FakePage();
  server = new FakeServer();
});

async function come(name: string, options: Partial<JoinOptions> = {}): Promise<Room> {
  const camera = fakeTrack("video", { width: 1280, height: 720 });
  const microphone = fakeTrack("audio");
  const room = await joinRoom({ code: "x", url: "ws://x/ws/x", name, camera, microphone, ...options });
  await pass(200);
  await vi.dynamicImportSettled();
  return room;
}

const of = (room: Room, name: string): Participant => room.participants.find((person) => person.name === name)!;
const live = (): FakePeer[] => FakePeer.all.filter(({ signalingState }) => signalingState !== "closed");
/** The connections with the server, oldest first. */
const links = (): FakePeer[] => live().filter(({ transceivers }) => transceivers.length >= 7);
const pairs = (): FakePeer[] => live().filter(({ transceivers }) => transceivers.length === 4);

function heard<K extends keyof RoomEvents>(room: Room, event: K): RoomEvents[K][] {
  const all: RoomEvents[K][] = [];
  room.on(event, (detail) => all.push(detail));
  return all;
}

/** The sections of an offer: what they are, and what is said of each. */
function sections({ sdp }: Offer): string[] {
  return sdp.split("m=").slice(1).map((section) => section.split(/\r\n/).map((line) => line.split(" 9 ")[0]!.replace(/^a=/, "")).filter(Boolean).join(" ")); // prettier-ignore
}

const offers = (name: string): Offer[] => server.heard(name, "offer").map(({ offer }) => offer);
const track = (peer: FakePeer, index: number): unknown => peer.transceivers[index]!.receiver.track;
const enabled = (room: Room): string[] => room.voices.filter((voice) => voice.enabled).map(({ id }) => id);

/** Where places are among the sections. */
const VIDEO = [1, 2, 5, 6] as const;
const AUDIO = [0, 3, 4] as const;

describe("a meeting that goes through the server", () => {
  beforeEach(() => void (server.route.topology = "server"));

  it("is offered the sections in the order that is the contract", async () => {
    const ada = await come("Ada");
    expect(offers("Ada")).toHaveLength(1);
    expect(offers("Ada")[0]!.connection).toBe(1);
    expect(sections(offers("Ada")[0]!)).toEqual([
      "audio sendrecv",
      "video sendrecv simulcast:send l;m;h",
      "video sendrecv simulcast:send l;h",
      "audio sendrecv",
      "audio recvonly",
      "video recvonly",
      "video recvonly",
    ]);
    expect(pairs()).toEqual([]);
    expect(links()).toHaveLength(1);
    expect(ada.route).toEqual({ topology: "server", changing: false, reason: "size" });
  });

  it("gets what we send without another word, in sizes that fit the camera", async () => {
    const ada = await come("Ada", { camera: null });
    const screen = fakeTrack("video", { width: 2560, height: 1440 });
    const small = fakeTrack("video", { width: 320, height: 240 });
    await ada.local.setTrack("screen", screen);
    await ada.local.setTrack("camera", small);
    await pass(10);
    const [link] = links();
    const sent = link!.transceivers.map(({ sender }) => sender);
    expect([sent[1]!.track, sent[2]!.track]).toEqual([small, screen]);
    expect(sent[1]!.parameters.encodings.map(({ active, scaleResolutionDownBy }) => [active, scaleResolutionDownBy])).toEqual([
      [false, 4],
      [true, 2],
      [true, 1],
    ]);
    expect(sent[2]!.parameters.encodings.map(({ active }) => active)).toEqual([true, true]);
    expect(sent.slice(1, 3).map(({ parameters }) => parameters.degradationPreference)).toEqual([
      "maintain-framerate",
      "maintain-resolution",
    ]);
    expect(offers("Ada")).toHaveLength(1);
  });

  it("gets pictures of which some can be left out, also of a browser that knows the word and refuses it", async () => {
    const modes = (link: FakePeer) => link.transceivers.map(({ sender }) => sender.parameters.encodings.map((one) => Reflect.get(one, "scalabilityMode"))); // prettier-ignore
    await come("Ada");
    expect(modes(links()[0]!).slice(1, 3)).toEqual([
      ["L1T3", "L1T3", "L1T3"],
      ["L1T3", "L1T3"],
    ]);
    const add = FakePeer.prototype.addTransceiver;
    const picky = vi.spyOn(FakePeer.prototype, "addTransceiver").mockImplementation(function (this: FakePeer, kind, init) {
      if (init.sendEncodings?.some((encoding) => "scalabilityMode" in encoding)) throw new DOMException("no", "OperationError");
      return add.call(this, kind, init);
    });
    const bo = await come("Bo");
    picky.mockRestore();
    expect(modes(links()[1]!).flat().filter(Boolean)).toEqual([]);
    expect(sections(offers("Bo")[0]!)).toEqual(sections(offers("Ada")[0]!));
    expect(bo.route.topology).toBe("server");
  });

  it("says which sizes are of use; the others are not made", async () => {
    await come("Ada");
    server.tell("Ada", { type: "wanted", source: "camera", layers: [true, false, false] });
    await pass(10);
    expect(links()[0]!.transceivers[1]!.sender.parameters.encodings.map(({ active }) => active)).toEqual([true, false, false]);
    server.tell("Ada", { type: "wanted", source: "camera", layers: [true, true, true] });
    await pass(10);
    expect(links()[0]!.transceivers[1]!.sender.parameters.encodings.map(({ active }) => active)).toEqual([true, true, true]);
  });

  it("is told what is in sight: at once, then not more often than ten times a second, and only what is new", async () => {
    const ada = await come("Ada");
    await come("Bo");
    const { id } = of(ada, "Bo");
    const views = () => server.heard("Ada", "view").map(({ tiles }) => tiles);
    // Until the page says something, everybody is.
    expect(views().at(-1)).toMatchObject([{ participant: id, source: "camera" }]);
    await pass(1_000);
    const before = views().length;
    ada.show([{ id, source: "camera", height: 301, pinned: true }]);
    await pass(0);
    expect(views().slice(before)).toEqual([[{ participant: id, source: "camera", height: 304, pinned: true }]]);
    for (const height of [302, 400, 500, 300]) ada.show([{ id, source: "camera", height, pinned: true }]);
    await pass(1_000);
    expect(views().slice(before)).toHaveLength(1);
    ada.show([]);
    await pass(0);
    expect(views().at(-1)).toEqual([]);
  });

  it("is offered more places when more is to be seen, and the old ones stay where they are", async () => {
    const ada = await come("Ada");
    for (let index = 0; index < 5; index += 1) await come(`Guest ${index}`);
    const [link] = links();
    const [first, second] = offers("Ada");
    expect(second!.connection).toBe(first!.connection);
    expect(sections(second!).slice(0, 7)).toEqual(sections(first!));
    expect(sections(second!).slice(7)).toEqual(Array.from({ length: 5 }, () => "video recvonly"));
    server.place("Ada", ["video", 8, ["Guest 0", "camera"]]);
    link!.arrive(11);
    await pass(50);
    expect(of(ada, "Guest 0").track("camera")).toBe(track(link!, 11));
    // Few are looked at, so the places are enough for all that follow.
    ada.show([{ id: of(ada, "Guest 0").id, source: "camera", height: 720 }]);
    for (let index = 5; index < 9; index += 1) await come(`Guest ${index}`);
    expect(offers("Ada")).toHaveLength(2);
  });

  it("shows a person at once in a place that nobody had before, and never in one that they have left", async () => {
    const ada = await come("Ada");
    await come("Bo");
    const [link] = links();
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    await settle();
    expect(of(ada, "Bo").track("camera")).toBe(track(link!, VIDEO[0]));
    link!.arrive(VIDEO[0]);
    await pass(50);
    server.place("Ada", ["video", 0, null]);
    await settle();
    expect(of(ada, "Bo").track("camera")).toBeNull();
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    await pass(500);
    expect(of(ada, "Bo").track("camera")).toBeNull();
    link!.arrive(VIDEO[0]);
    await pass(50);
    expect(of(ada, "Bo").track("camera")).toBe(track(link!, VIDEO[0]));
  });

  it("gives a place to somebody else: nobody is shown with the picture of another", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    const [link] = links();
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    link!.arrive(VIDEO[0]);
    await pass(50);
    server.place("Ada", ["video", 0, ["Cy", "camera"]]);
    await pass(10);
    expect(of(ada, "Bo").track("camera")).toBeNull();
    expect(of(ada, "Cy").track("camera")).toBeNull();
    // What was under way of Bo's.
    link!.arrive(VIDEO[0], 3, 0);
    await pass(100);
    expect(of(ada, "Cy").track("camera")).toBeNull();
    link!.arrive(VIDEO[0], 1, 1);
    await pass(50);
    expect(of(ada, "Cy").track("camera")).toBe(track(link!, VIDEO[0]));
  });

  it("shows them after a while of new pictures, where the first was decoded before the word of it came", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    const [link] = links();
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    link!.arrive(VIDEO[0]);
    await pass(50);
    link!.arrive(VIDEO[0], 1, 1);
    server.place("Ada", ["video", 0, ["Cy", "camera"]]);
    const frames = setInterval(() => link!.arrive(VIDEO[0], 1, 0), 50);
    await pass(250);
    expect(of(ada, "Cy").track("camera")).toBeNull();
    await pass(200);
    expect(of(ada, "Cy").track("camera")).toBe(track(link!, VIDEO[0]));
    clearInterval(frames);
  });

  it("plays the same tracks, whoever they carry", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    const [link] = links();
    const changes = heard(ada, "voices");
    expect(ada.voices).toEqual(AUDIO.map((index) => track(link!, index)));
    server.place("Ada", ["audio", 0, ["Bo", "microphone"]]);
    link!.arrive(AUDIO[0]);
    await pass(50);
    server.place("Ada", ["audio", 0, ["Cy", "microphone"]], ["audio", 2, ["Bo", "microphone"]]);
    await pass(50);
    expect(changes).toEqual([]);
    expect(enabled(ada)).toHaveLength(3);
  });

  it("says who speaks, and who is to be looked at", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    const speakers = heard(ada, "speaker");
    const [bo, cy] = [of(ada, "Bo"), of(ada, "Cy")];
    server.tell("Ada", { type: "speaking", participants: [bo.id], speaker: bo.id });
    expect([bo.speaking, cy.speaking, ada.speaker]).toEqual([true, false, bo]);
    // It is us: whom we look at stays.
    server.tell("Ada", { type: "speaking", participants: [ada.local.id], speaker: ada.local.id });
    expect([bo.speaking, cy.speaking, ada.speaker]).toEqual([false, false, bo]);
    server.tell("Ada", { type: "speaking", participants: [cy.id], speaker: cy.id });
    await pass(1_000);
    expect([bo.speaking, cy.speaking, ada.speaker]).toEqual([false, true, cy]);
    expect(speakers).toEqual([bo, cy]);
    server.remove("Cy");
    await settle();
    expect(ada.speaker).toBeNull();
  });

  it("says whose picture is held back, and why", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    const updated = heard(ada, "updated");
    const [bo, cy] = [of(ada, "Bo"), of(ada, "Cy")];
    server.tell("Ada", { type: "held", tracks: [{ participant: bo.id, source: "camera" }], reason: "line" });
    expect([bo.held, bo.heldScreen, cy.held]).toEqual(["line", null, null]);
    expect(updated).toContain(bo);
    server.tell("Ada", { type: "held", tracks: [], reason: "line" });
    expect(bo.held).toBeNull();
  });

  it("does not answer: the offer is said again, then another connection is made", async () => {
    server.silent = true;
    await come("Ada");
    await pass(9_000);
    expect(offers("Ada").map(({ connection }) => connection)).toEqual([1, 1, 1]);
    await pass(8_000);
    expect(offers("Ada").at(-1)!.connection).toBe(2);
    server.silent = false;
    await pass(5_000);
    expect(links().map(({ connectionState }) => connectionState)).toEqual(["connected"]);
    const said = offers("Ada").length;
    await pass(60_000);
    expect(offers("Ada")).toHaveLength(said);
  });

  it("drops the connection: the next comes at once, then ever later; the last picture stands until there is a new one", async () => {
    const ada = await come("Ada");
    await come("Bo");
    const [before] = links();
    server.place("Ada", ["video", 0, ["Bo", "camera"]]);
    before!.arrive(VIDEO[0]);
    await pass(11_000);
    server.silent = true;
    server.tell("Ada", { type: "dropped", connection: 1, code: "broken" });
    await pass(1_000);
    expect(of(ada, "Bo").track("camera")).toBe(track(before!, VIDEO[0]));
    expect(of(ada, "Bo").connection).toBe("reconnecting");
    for (const connection of [2, 3, 4, 5]) {
      server.tell("Ada", { type: "dropped", connection, code: "broken" });
      await pass(3_000);
    }
    const counted = offers("Ada").length;
    expect(counted).toBeGreaterThanOrEqual(5);
    server.tell("Ada", { type: "dropped", connection: offers("Ada").at(-1)!.connection, code: "broken" });
    await pass(1_000);
    expect(offers("Ada")).toHaveLength(counted);
    server.silent = false;
    for (let waited = 0; of(ada, "Bo").connection !== "connected"; waited += 100) {
      expect(waited).toBeLessThan(15_000);
      await pass(100);
    }
    const after = links().at(-1)!;
    expect(of(ada, "Bo").track("camera")).toBe(track(before!, VIDEO[0]));
    server.place("Ada", ["video", 1, ["Bo", "camera"]]);
    after.arrive(VIDEO[1]);
    await pass(50);
    expect(of(ada, "Bo").track("camera")).toBe(track(after, VIDEO[1]));
    await pass(2_000);
    expect(before!.signalingState).toBe("closed");
  });

  it("is not asked again by those whom it does not need", async () => {
    await come("Ada");
    server.tell("Ada", { type: "dropped", connection: 1, code: "not_needed" });
    await pass(30_000);
    expect(offers("Ada")).toHaveLength(1);
  });

  it("asks no STUN server, and no relay by datagrams: Chromium would take all that comes from there for its answers", async () => {
    server.iceServers = [
      { urls: ["stun:192.0.2.1:443"] },
      { urls: ["turn:192.0.2.1:443?transport=udp", "turn:192.0.2.1:443?transport=tcp", "turns:meet.example.org:443"], username: "u" },
    ];
    server.relayOnly = true;
    await come("Ada");
    expect(links()[0]!.configuration).toMatchObject({
      iceServers: [{ urls: ["turn:192.0.2.1:443?transport=tcp", "turns:meet.example.org:443"], username: "u" }],
    });
    expect(links()[0]!.configuration.iceTransportPolicy).toBeUndefined();
  });

  describe("another network", () => {
    it("the way is looked for anew, over the same connection", async () => {
      const ada = await come("Ada");
      await come("Bo");
      const peers = links();
      FakePeer.move(20_000);
      page.window.dispatchEvent(new Event("online"));
      await pass(1_000);
      expect(links()).toEqual(peers);
      expect(offers("Ada").map(({ connection }) => connection)).toEqual([1, 1]);
      expect(offers("Ada")[1]!.sdp).not.toBe(offers("Ada")[0]!.sdp);
      expect(of(ada, "Bo").connection).toBe("connected");
    });

    it("an interruption that lasts is mended by itself; where that does not help, another connection is made", async () => {
      const ada = await come("Ada");
      await come("Bo");
      const [peer] = links();
      FakePeer.blocked = true;
      peer!.become("disconnected");
      await pass(2_100);
      expect(peer!.restarts).toBe(1);
      await pass(30_000);
      expect(offers("Ada").at(-1)!.connection).toBeGreaterThan(1);
      expect(of(ada, "Bo").connection).toBe("failed");
      FakePeer.blocked = false;
      ada.retry(of(ada, "Bo").id);
      await pass(100);
      expect(of(ada, "Bo").connection).toBe("connected");
    });
  });

  describe("the messages' connection breaks", () => {
    it("alone: media is left as it is", async () => {
      const ada = await come("Ada");
      await come("Bo");
      server.place("Ada", ["video", 0, ["Bo", "camera"]], ["video", 1, null]);
      const peers = links();
      peers[0]!.arrive(VIDEO[0]);
      await pass(50);
      server.seat("Ada").socket!.drop();
      await pass(20_000);
      expect(ada.state.kind).toBe("connected");
      expect(links()).toEqual(peers);
      expect(offers("Ada")).toHaveLength(1);
      expect(server.heard("Ada", "join").at(-1)).toMatchObject({ resume: { topology: "server" } });
      expect(of(ada, "Bo").track("camera")).toBe(track(peers[0]!, VIDEO[0]));
    });

    it("and what its places carry has changed meanwhile", async () => {
      const ada = await come("Ada");
      for (const name of ["Bo", "Cy"]) await come(name);
      server.place("Ada", ["video", 0, ["Bo", "camera"]], ["video", 1, ["Cy", "camera"]]);
      for (const index of [VIDEO[0], VIDEO[1]]) links()[0]!.arrive(index);
      await pass(50);
      const { socket } = server.seat("Ada");
      socket!.die();
      server.place("Ada", ["video", 0, ["Cy", "camera"]], ["video", 1, null]);
      socket!.drop();
      await pass(1_000);
      expect(of(ada, "Bo").track("camera")).toBeNull();
      expect(of(ada, "Cy").track("camera")).toBeNull();
      links()[0]!.arrive(VIDEO[0]);
      await pass(50);
      expect(of(ada, "Cy").track("camera")).toBe(track(links()[0]!, VIDEO[0]));
    });

    it("before the answer is here: the offer is said again", async () => {
      server.silent = true;
      await come("Ada");
      server.silent = false;
      server.seat("Ada").socket!.drop();
      await pass(1_000);
      expect(offers("Ada").map(({ connection }) => connection)).toEqual([1, 1]);
      expect(links().map(({ connectionState }) => connectionState)).toEqual(["connected"]);
    });

    it.each([
      [0, 1_000],
      [600, 1_000],
      [2_000, 3_000],
      [8_000, 5_000],
    ])("because the server was killed, for %i ms: media is back within %i ms of it", async (away, within) => {
      const ada = await come("Ada");
      await come("Bo");
      const [before] = links();
      server.place("Ada", ["video", 0, ["Bo", "camera"]]);
      before!.arrive(VIDEO[0]);
      await pass(50);
      server.kill();
      await pass(away);
      server.restart();
      await pass(50);
      for (let waited = 50; of(ada, "Bo").connection !== "connected" || ada.state.kind !== "connected"; waited += 50) {
        expect(waited).toBeLessThan(within);
        await pass(50);
      }
      await pass(100);
      const join = server.heard("Ada", "join").at(-1)!;
      expect(join.resume?.topology).toBe("server");
      // With the first word, where there was the time to see that nothing comes any more.
      if (away >= 600) expect(join.offer?.connection).toBe(2);
      const after = links().find((peer) => peer !== before && peer.alive && peer.currentLocalDescription)!;
      expect([of(ada, "Bo").connection, after.alive]).toEqual(["connected", true]);
      expect(of(ada, "Bo").track("camera")).toBe(track(before!, VIDEO[0]));
      server.place("Ada", ["video", 0, ["Bo", "camera"]]);
      for (const peer of links()) if (peer !== before) peer.arrive(VIDEO[0]);
      await pass(50);
      expect(of(ada, "Bo").track("camera")).not.toBe(track(before!, VIDEO[0]));
      await pass(30_000);
      expect(links()).toHaveLength(2);
    });
  });

  it("is read once for all: what is sent is not counted for each of them, and quality is of what comes from each", async () => {
    const ada = await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    await pass(6_000);
    const [bo, cy] = [of(ada, "Bo"), of(ada, "Cy")];
    expect(ada.stats(bo.id)).toMatchObject({ via: "server", kbitsOut: 300, kbitsIn: 0, rtt: 20, path: "direct", quality: "good" });
    expect(ada.uplink()).toEqual({ kbits: 300, limited: null });
    links()[0]!.quality.rtt = 900;
    await pass(6_000);
    expect([bo.quality, cy.quality, ada.local.quality]).toEqual(["poor", "poor", "poor"]);
    FakePeer.blocked = true;
    links()[0]!.become("failed");
    await pass(3_000);
    expect(ada.stats(cy.id)).toMatchObject({ via: "server", kbitsOut: 0, rtt: null, quality: "lost" });
    expect([bo.quality, ada.local.quality]).toEqual(["lost", "lost"]);
  });
});

describe("the condition of a mesh", () => {
  const conditions = (name: string) => server.heard(name, "condition").map(({ unreachable, strained }) => ({ unreachable, strained }));

  it("whom we cannot reach is said when it is certain, and when it has changed", async () => {
    FakePeer.direct = false;
    const ada = await come("Ada");
    await come("Bo");
    await pass(14_000);
    expect(conditions("Ada")).toEqual([]);
    await pass(2_000);
    expect(conditions("Ada")).toEqual([{ unreachable: [of(ada, "Bo").id], strained: null }]);
    FakePeer.direct = true;
    await pass(60_000);
    expect(of(ada, "Bo").connection).toBe("connected");
    expect(conditions("Ada").slice(1)).toEqual([{ unreachable: [], strained: null }]);
  });

  it("who is away is not out of reach", async () => {
    FakePeer.direct = false;
    await come("Ada");
    await come("Bo");
    server.lose("Bo");
    FakeSocket.onconnect = () => undefined;
    await pass(60_000);
    expect(conditions("Ada")).toEqual([]);
  });

  it("is said again to a server that has forgotten it", async () => {
    FakePeer.direct = false;
    const ada = await come("Ada");
    await come("Bo");
    await pass(80_000);
    expect(conditions("Ada")).toHaveLength(1);
    server.kill();
    server.restart();
    await pass(5_000);
    expect(conditions("Ada")).toEqual(Array.from({ length: 2 }, () => ({ unreachable: [of(ada, "Bo").id], strained: null })));
  });

  it("is said again after every welcome once it was said, also that all is well by now", async () => {
    FakePeer.direct = false;
    const ada = await come("Ada");
    await come("Bo");
    server.lose("Ada");
    await pass(5_000);
    expect(conditions("Ada")).toEqual([]);
    await pass(60_000);
    const out = { unreachable: [of(ada, "Bo").id], strained: null };
    expect(conditions("Ada")).toEqual([out]);
    server.lose("Ada");
    await pass(5_000);
    expect(conditions("Ada")).toEqual([out, out]);
    FakePeer.direct = true;
    await pass(60_000);
    const well = { unreachable: [], strained: null };
    expect(conditions("Ada").slice(2)).toEqual([well]);
    server.lose("Ada");
    await pass(5_000);
    expect(conditions("Ada").slice(2)).toEqual([well, well]);
  });

  it("a line that does not carry our picture to everyone is said, and stands while the server carries it", async () => {
    await come("Ada");
    for (const name of ["Bo", "Cy"]) await come(name);
    await pass(4_000);
    for (const peer of pairs()) Object.assign(peer.quality, { limited: "bandwidth", height: 180, capacity: 250 });
    await pass(8_000);
    expect(conditions("Ada")).toEqual([]);
    await pass(6_000);
    expect(conditions("Ada")).toEqual([{ unreachable: [], strained: "upload" }]);
    server.go("server", true);
    await pass(500);
    for (const link of links()) link.quality.capacity = 1_000;
    await pass(11_500);
    server.go("server", false);
    await pass(60_000);
    expect(conditions("Ada")).toHaveLength(1);
    // What was so in the old network need not be in the new one.
    FakePeer.move();
    page.window.dispatchEvent(new Event("online"));
    await pass(1_000);
    expect(conditions("Ada").at(-1)).toEqual({ unreachable: [], strained: null });
  });
});
