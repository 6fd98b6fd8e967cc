// How much is sent to each of the others: a mesh encodes every picture once per peer, so the more people, the smaller.
import type { Source } from "../api";

/** The limits of one encoding. Sizes in pixels of the longer and the shorter side, whichever way the camera is held. */
export interface Cap {
  bitrate: number;
  framerate?: number;
  size?: readonly [long: number, short: number];
}

const CAMERA: readonly (Cap & { others: number })[] = [
  { others: 1, bitrate: 1_700_000, framerate: 30, size: [1280, 720] },
  { others: 2, bitrate: 900_000, framerate: 30, size: [960, 540] },
  { others: 4, bitrate: 500_000, framerate: 25, size: [640, 360] },
  { others: Infinity, bitrate: 200_000, framerate: 18, size: [320, 180] },
];

/** Text stays sharp; the frame rate gives way. */
const SCREEN: readonly (Cap & { others: number })[] = [
  { others: 1, bitrate: 2_500_000, framerate: 15 },
  { others: 3, bitrate: 1_500_000, framerate: 10 },
  { others: Infinity, bitrate: 1_000_000, framerate: 5 },
];

/** What may be sent of a source to each of so many others. */
export function capFor(source: Source, others: number): Cap {
  if (source === "microphone") return { bitrate: 48_000 };
  if (source === "screen_audio") return { bitrate: 96_000 };
  const ladder = source === "camera" ? CAMERA : SCREEN;
  return ladder.find((step) => others <= step.others) ?? CAMERA[0]!;
}

/** By how much a picture of this size must be divided to fit; never less than 1. */
export function scaleFor(cap: Cap, settings: Pick<MediaTrackSettings, "width" | "height">): number {
  const { width, height } = settings;
  if (!cap.size || !width || !height) return 1;
  const [long, short] = cap.size;
  return Math.max(1, Math.max(width, height) / long, Math.min(width, height) / short);
}

/** Sets the sender's limits. A browser that refuses one of them keeps its own choice; the call goes on. */
export async function applyCap(sender: RTCRtpSender, source: Source, others: number): Promise<void> {
  if (typeof sender.getParameters !== "function") return;
  const parameters = sender.getParameters();
  // Firefox before 110 gives none until one is set.
  if (!parameters.encodings?.length) parameters.encodings = [{}];
  const [encoding] = parameters.encodings;
  const cap = capFor(source, others);
  const wanted: RTCRtpEncodingParameters & { maxFramerate?: number } = { maxBitrate: cap.bitrate };
  if (cap.framerate !== undefined) {
    wanted.maxFramerate = cap.framerate;
    wanted.scaleResolutionDownBy = scaleFor(cap, sender.track?.getSettings() ?? {});
  }
  if (source === "microphone") wanted.priority = "high";
  const same = Object.entries(wanted).every(([key, value]) => encoding?.[key as keyof RTCRtpEncodingParameters] === value);
  if (same || !encoding) return;
  Object.assign(encoding, wanted);
  if (cap.framerate !== undefined) {
    Object.assign(parameters, { degradationPreference: source === "screen" ? "maintain-resolution" : "maintain-framerate" });
  }
  await sender.setParameters(parameters).catch(() => undefined);
}

/**
 * Sends a picture next that needs none before it, so that nobody waits for those that were lost on a way that did not work: that takes two
 * or three seconds. A browser that cannot do it (W3C webrtc-extensions, 5.4) ignores this.
 */
export async function sendWholePicture(sender: RTCRtpSender): Promise<void> {
  if (sender.track?.kind !== "video" || typeof sender.getParameters !== "function") return;
  const parameters = sender.getParameters();
  const options = { encodingOptions: (parameters.encodings ?? []).map(() => ({ keyFrame: true })) };
  await sender.setParameters(parameters, options).catch(() => undefined);
}

/** Lets Opus stay silent while nobody speaks (RFC 7587 `usedtx`): said to our encoder by way of the other's description. */
export function withSilence(sdp: string): string {
  return sdp.replace(/^(a=fmtp:\d+ (?!.*usedtx=).*useinbandfec=1.*?)(\r?)$/gm, "$1;usedtx=1$2");
}

/** The ICE user name fragments in a description: which candidates belong to it. */
export function fragments(sdp: string): string[] {
  return [...sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)].map(([, fragment]) => fragment ?? "");
}
