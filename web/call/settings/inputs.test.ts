import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Inputs } from "./inputs.svelte";
import { Preferences } from "./preferences.svelte";

/** As much of a track as inputs touch. */
class FakeTrack extends EventTarget {
  readyState = "live";
  constructor(
    readonly kind: string,
    readonly label: string,
  ) {
    super();
  }
  stop() {
    this.readyState = "ended";
  }
  unplug() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
  facingMode: string | undefined;
  getSettings = () => ({ deviceId: this.label, facingMode: this.facingMode });
}

class FakeStream {
  constructor(readonly tracks: FakeTrack[]) {}
  getTracks = () => this.tracks;
  getAudioTracks = () => this.tracks.filter((track) => track.kind === "audio");
  getVideoTracks = () => this.tracks.filter((track) => track.kind === "video");
}

let opened: FakeTrack[];
let refusal: string | null;
let phone: boolean;
let gate: Promise<void>;

beforeEach(() => {
  opened = [];
  refusal = null;
  phone = false;
  gate = Promise.resolve();
  const getUserMedia = async (wanted: MediaStreamConstraints) => {
    await gate;
    if (refusal) throw new DOMException("no", refusal);
    const facing = (wanted.video as MediaTrackConstraints | undefined)?.facingMode as { ideal: string } | undefined;
    const tracks = [wanted.audio && new FakeTrack("audio", "mic"), wanted.video && new FakeTrack("video", "cam")].filter(
      (track) => !!track,
    );
    if (phone) for (const track of tracks) track.facingMode = facing?.ideal;
    opened.push(...tracks);
    return new FakeStream(tracks);
  };
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: () => Promise.resolve([]) } });
  vi.stubGlobal("MediaStream", FakeStream);
});
afterEach(() => vi.unstubAllGlobals());

const inputs = () => new Inputs(new Preferences(null));

test("both are opened at the start, and off really stops the device", async () => {
  const both = inputs();
  await both.open();
  expect(both.microphone.on && both.camera.on).toBe(true);
  await both.camera.toggle();
  expect(opened.map((track) => `${track.kind} ${track.readyState}`)).toEqual(["audio live", "video ended"]);
  expect([both.microphone.on, both.camera.on]).toEqual([true, false]);
});

test("the room is told of every change, and only of real tracks", async () => {
  const { camera } = inputs();
  const told: (string | null)[] = [];
  camera.destination = (track) => Promise.resolve(void told.push(track?.label ?? null));
  await camera.toggle(true);
  await camera.toggle(false);
  expect(told).toEqual(["cam", null]);
});

test("switched off while the device still starts, it stays off and is released", async () => {
  const { camera } = inputs();
  let open = () => {};
  gate = new Promise((resolve) => (open = resolve));
  const starting = camera.start();
  expect([camera.on, camera.starting]).toEqual([true, true]);
  await camera.stop();
  open();
  await starting;
  expect(camera.on).toBe(false);
  expect(camera.track).toBe(null);
  expect(opened.map((track) => track.readyState)).toEqual(["ended"]);
});

test("a refusal returns the switch to the truth and says why, once", async () => {
  const { microphone } = inputs();
  let said = 0;
  microphone.ontrouble = () => (said += 1);
  refusal = "NotAllowedError";
  await microphone.toggle(true);
  expect([microphone.on, microphone.starting, microphone.trouble, said]).toEqual([false, false, "denied", 1]);
  refusal = null;
  await microphone.toggle(true);
  expect([microphone.on, microphone.trouble]).toEqual([true, null]);
});

test("an unplugged device is replaced by another, or the input is off", async () => {
  const { camera } = inputs();
  const replaced: string[] = [];
  camera.onreplaced = (label) => replaced.push(label);
  await camera.start();
  opened.at(-1)?.unplug();
  await vi.waitFor(() => expect(replaced).toEqual(["cam"]));
  expect(camera.on).toBe(true);

  refusal = "NotFoundError";
  opened.at(-1)?.unplug();
  await vi.waitFor(() => expect(camera.trouble).toBe("unplugged"));
  expect([camera.on, camera.track]).toEqual([false, null]);
});

test("what was off last time is not opened", async () => {
  const preferences = new Preferences(null);
  preferences.set({ camera: false });
  await new Inputs(preferences).open();
  expect(opened.map((track) => track.kind)).toEqual(["audio"]);
});

test("a phone's camera is turned around and back; others do not turn", async () => {
  phone = true;
  const { camera } = inputs();
  await camera.toggle();
  expect(camera.flips).toBe(true);
  await camera.flip();
  await camera.flip();
  expect(opened.map((track) => `${track.facingMode} ${track.readyState}`)).toEqual(["user ended", "environment ended", "user live"]);
  phone = false;
  await camera.flip();
  expect(camera.flips).toBe(false);
});
