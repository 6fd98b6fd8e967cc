import { describe, expect, it } from "vitest";
import { fakeTrack } from "../testing/fake-peer";
import { applyCap, capFor, fragments, scaleFor, withSilence } from "./encoding";

describe("caps", () => {
  it("go down with the number of people, never up", () => {
    for (const source of ["camera", "screen"] as const) {
      const rates = [1, 2, 3, 4, 5, 6, 7].map((others) => capFor(source, others).bitrate);
      expect([...rates].sort((a, b) => b - a)).toEqual(rates);
    }
    expect(capFor("camera", 7)).toMatchObject({ bitrate: 200_000, size: [320, 180] });
  });

  it("keep what seven others are sent below two megabits a second", () => {
    const total = 7 * (capFor("camera", 7).bitrate + capFor("microphone", 7).bitrate);
    expect(total).toBeLessThan(2_000_000);
  });

  it("fit any shape of picture, and never enlarge one", () => {
    const cap = capFor("camera", 3);
    expect(scaleFor(cap, { width: 1280, height: 720 })).toBe(2);
    expect(scaleFor(cap, { width: 720, height: 1280 })).toBe(2);
    expect(scaleFor(cap, { width: 640, height: 480 })).toBeCloseTo(480 / 360);
    expect(scaleFor(cap, { width: 320, height: 240 })).toBe(1);
    expect(scaleFor(cap, {})).toBe(1);
  });
});

describe("setting them", () => {
  const sender = (parameters: object, set: (parameters: RTCRtpSendParameters) => Promise<void>) =>
    ({
      track: fakeTrack("video", { width: 1920, height: 1080 }),
      getParameters: () => structuredClone(parameters),
      setParameters: set,
    }) as unknown as RTCRtpSender;

  it("makes up for an empty list of encodings", async () => {
    let got: RTCRtpSendParameters | undefined;
    await applyCap(
      sender({}, async (parameters) => void (got = parameters)),
      "camera",
      1,
    );
    expect(got?.encodings).toEqual([{ maxBitrate: 1_700_000, maxFramerate: 30, scaleResolutionDownBy: 1.5 }]);
  });

  it("does nothing when nothing changes", async () => {
    const encodings = [{ maxBitrate: 1_700_000, maxFramerate: 30, scaleResolutionDownBy: 1.5, active: true }];
    await applyCap(
      sender({ encodings }, () => expect.unreachable()),
      "camera",
      1,
    );
  });

  it("survives a browser that refuses", async () => {
    await expect(
      applyCap(
        sender({ encodings: [{}] }, () => Promise.reject(new DOMException("no", "InvalidModificationError"))),
        "screen",
        1,
      ),
    ).resolves.toBeUndefined();
  });
});

describe("descriptions", () => {
  const sdp = [
    "a=ice-ufrag:abc",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=fmtp:96 x=1",
    "a=ice-ufrag:d+/f",
    "",
  ].join("\r\n");

  it("ask for silence to be left out, once, and change nothing else", () => {
    const changed = withSilence(sdp);
    expect(changed).toBe(sdp.replace("useinbandfec=1", "useinbandfec=1;usedtx=1"));
    expect(withSilence(changed)).toBe(changed);
  });

  it("name the candidates that belong to them", () => {
    expect(fragments(sdp)).toEqual(["abc", "d+/f"]);
  });
});
