import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeTrack } from "../testing/fake-peer";
import { asDeviceError, missingSupport, openCamera, openDevices, openMicrophone, openScreen } from "./devices";
import { meterLevel, SpeechDetector } from "./level";

afterEach(() => void vi.unstubAllGlobals());

type GetUserMedia = (constraints: MediaStreamConstraints) => Promise<MediaStream>;

function stream(...kinds: ("audio" | "video")[]): MediaStream {
  const tracks = kinds.map((kind) => fakeTrack(kind));
  const of = (kind: string) => () => tracks.filter((track) => track.kind === kind);
  return { getTracks: () => tracks, getAudioTracks: of("audio"), getVideoTracks: of("video") } as unknown as MediaStream;
}

function browser(getUserMedia: GetUserMedia | undefined, getDisplayMedia?: () => Promise<MediaStream>): ReturnType<typeof vi.fn> {
  const asked = vi.fn(getUserMedia);
  vi.stubGlobal("navigator", { mediaDevices: getUserMedia && { getUserMedia: asked, getDisplayMedia } });
  vi.stubGlobal("isSecureContext", getUserMedia !== undefined);
  vi.stubGlobal(
    "MediaStream",
    class {
      constructor(readonly tracks: MediaStreamTrack[]) {}
      getTracks = () => this.tracks;
    },
  );
  return asked;
}

const failing =
  (name: string): GetUserMedia =>
  () =>
    Promise.reject(new DOMException("", name));

describe("a device that cannot be had", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "not_found"],
    ["NotReadableError", "busy"],
    ["OverconstrainedError", "overconstrained"],
    ["SomethingNewError", "failed"],
  ])("%s is %s", async (name, code) => {
    browser(failing(name));
    await expect(openCamera()).rejects.toMatchObject({ name: "DeviceError", code, source: "camera" });
    expect(asDeviceError(new DOMException("", name), "microphone")).toMatchObject({ code, source: "microphone" });
  });

  it("is told apart from a page that may not ask", async () => {
    browser(undefined);
    await expect(openMicrophone()).rejects.toMatchObject({ code: "insecure" });
    expect(missingSupport()).toBe("insecure");
  });

  it("does not keep the other away", async () => {
    browser(async ({ video }) => (video ? failing("NotFoundError")({}) : stream("audio")));
    const opened = await openDevices({});
    expect(opened.microphone?.kind).toBe("audio");
    expect(opened.camera).toBeNull();
    expect(opened.errors).toMatchObject({ camera: { code: "not_found" } });
    expect(opened.errors.microphone).toBeUndefined();
  });

  it("by name is replaced by another", async () => {
    const asked = browser(async ({ video }) =>
      typeof video === "object" && video.deviceId ? failing("NotReadableError")({}) : stream("video"),
    );
    await expect(openCamera({ deviceId: "busy-one" })).resolves.toMatchObject({ kind: "video" });
    expect(asked).toHaveBeenCalledTimes(2);
  });
});

describe("a person who says no", () => {
  const refusing = (states: Record<string, string>) => {
    const asked = browser(async ({ video }) => (video ? failing("NotAllowedError")({}) : stream("audio")));
    Object.assign(navigator, { permissions: { query: async ({ name }: { name: string }) => ({ state: states[name] }) } });
    return asked;
  };

  it("is not asked again for each", async () => {
    for (const state of ["prompt", "denied"]) {
      const asked = refusing({ microphone: state, camera: state });
      const opened = await openDevices({});
      expect(opened.errors).toMatchObject({
        microphone: { code: "denied", source: "microphone" },
        camera: { code: "denied", source: "camera" },
      });
      expect(asked).toHaveBeenCalledTimes(1);
    }
  });

  it("to the camera alone still has a microphone", async () => {
    refusing({ microphone: "granted", camera: "denied" });
    const opened = await openDevices({});
    expect(opened.microphone?.kind).toBe("audio");
    expect(opened.errors).toMatchObject({ camera: { code: "denied" } });
  });
});

describe("opening", () => {
  it("asks once for both", async () => {
    const asked = browser(async () => stream("audio", "video"));
    const opened = await openDevices({ microphone: { deviceId: "m" }, camera: {} });
    expect([opened.microphone?.kind, opened.camera?.kind]).toEqual(["audio", "video"]);
    expect(asked.mock.calls).toMatchObject([
      [{ audio: { deviceId: { ideal: "m" }, echoCancellation: true }, video: { width: { ideal: 1280 } } }],
    ]);
  });

  it("asks for nothing that is not wanted", async () => {
    const asked = browser(async () => stream("audio"));
    const opened = await openDevices({ camera: false });
    expect(opened).toMatchObject({ camera: null, errors: {} });
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it("a screen may have no sound, or be refused, or not be possible", async () => {
    browser(
      async () => stream(),
      async () => stream("video"),
    );
    await expect(openScreen()).resolves.toMatchObject({ screen: { kind: "video" }, screen_audio: null });
    browser(
      async () => stream(),
      () => Promise.reject(new DOMException("", "NotAllowedError")),
    );
    await expect(openScreen()).rejects.toMatchObject({ code: "denied", source: "screen" });
    browser(async () => stream());
    await expect(openScreen()).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("speaking", () => {
  it("begins with a loud moment, lasts through short gaps, and ends after a long one", () => {
    const detector = new SpeechDetector();
    const heard = [
      [0, 0.001],
      [100, 0.2],
      [200, 0.001],
      [700, 0.001],
      [750, 0.01],
      [1_400, 0.001],
      [1_500, 0.001],
    ].map(([now, level]) => (detector.update(level!, now!), detector.speaking));
    expect(heard).toEqual([false, true, true, true, true, true, false]);
  });

  it("is shown on a scale of decibels", () => {
    expect(meterLevel(0)).toBe(0);
    expect(meterLevel(0.001)).toBeCloseTo(0);
    expect(meterLevel(0.03)).toBeGreaterThan(0.4);
    expect(meterLevel(1)).toBe(1);
  });
});
