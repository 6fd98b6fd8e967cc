// The media sections of an offer to the server, in the order that is the contract: microphone, camera, screen, its sound, all of them
// both ways from the start, then those in which we only receive. And what is sent in the first four: sizes, bitrates, codecs.
import type { Source } from "../api";

/** What we send in, by place. */
export const SENDING = ["microphone", "camera", "screen", "screen_audio"] as const satisfies readonly Source[];
export type Kind = "audio" | "video";
const KINDS: Record<Source, Kind> = { microphone: "audio", camera: "video", screen: "video", screen_audio: "audio" };

/** Places in which we hear the loudest. */
const AUDIO_SLOTS = 3;
/** Places in which we see somebody: as few as do, for each of them costs, in the browser and in the server. */
const VIDEO_SLOTS = [4, 9, 16, 25] as const;

/** One size of a picture: `l`, `m`, `h`. By how much it is smaller, and what is left out of it. */
interface Size {
  rid: string;
  scale: number;
  bitrate(short: number): number;
  framerate: number;
}

/** Pixels of the shorter side: 150 kbit/s at 180, 500 at 360, 1,500 at 720. */
const camera = (short: number): number => Math.round(150_000 * Math.min(10, Math.max(0.5, (short / 180) ** 1.66)));
const SIZES: Record<"camera" | "screen", readonly Size[]> = {
  camera: [
    { rid: "l", scale: 4, bitrate: camera, framerate: 20 },
    { rid: "m", scale: 2, bitrate: camera, framerate: 30 },
    { rid: "h", scale: 1, bitrate: camera, framerate: 30 },
  ],
  // The small one for thin lines, and for tiles that are no higher.
  screen: [
    { rid: "l", scale: 2, bitrate: () => 400_000, framerate: 8 },
    { rid: "h", scale: 1, bitrate: () => 2_000_000, framerate: 15 },
  ],
};
/** What nobody could make anything out in is not made: pixels of the shorter side. */
const TOO_SMALL = { camera: 90, screen: 400 } as const;
/** As long as nothing is known of the track: what cameras are asked for, and what most screens have. */
const USUAL = { camera: 720, screen: 1080 } as const;
const SOUND = { microphone: 40_000, screen_audio: 96_000 } as const;

type Encoding = RTCRtpEncodingParameters & { maxFramerate?: number; scalabilityMode?: string };

/** Every other frame, and of those every other, needs none of the rest: the server leaves them out where a line is thin (W3C webrtc-svc,
 * 5). Said once, with the section: a browser that does not know it goes on without. */
const IN_LAYERS_OF_TIME = "L1T3";

/** So many places for pictures are offered when so many are to be seen. */
export function slotsFor(pictures: number): number {
  return VIDEO_SLOTS.find((slots) => pictures <= slots) ?? VIDEO_SLOTS.at(-1)!;
}

/** Adds the sections of a new connection; returns them. */
export function addSections(pc: RTCPeerConnection, pictures: number): RTCRtpTransceiver[] {
  for (const source of SENDING) {
    const sendEncodings = encodingsFor(source, {});
    const layered = sendEncodings.map((encoding) => ({ ...encoding, scalabilityMode: IN_LAYERS_OF_TIME }));
    try {
      add(pc, KINDS[source], { direction: "sendrecv", sendEncodings: KINDS[source] === "video" ? layered : sendEncodings });
    } catch {
      // It knows the words and not this one.
      add(pc, KINDS[source], { direction: "sendrecv", sendEncodings });
    }
  }
  const receiving = (kind: Kind): number => pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === kind).length;
  while (receiving("audio") < AUDIO_SLOTS) add(pc, "audio", { direction: "recvonly" });
  growSections(pc, pictures);
  return pc.getTransceivers();
}

/** Appends places for pictures until there are so many. False: there are already. */
export function growSections(pc: RTCPeerConnection, pictures: number): boolean {
  const missing = pictures - pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === "video").length;
  for (let added = 0; added < missing; added += 1) add(pc, "video", { direction: "recvonly" });
  return missing > 0;
}

/** Everything else that browsers know is left out: with thirty sections it would be most of the offer. */
const CODECS = { audio: ["audio/red", "audio/opus"], video: ["video/vp8", "video/rtx"] } as const;

function add(pc: RTCPeerConnection, kind: Kind, init: RTCRtpTransceiverInit): void {
  const transceiver = pc.addTransceiver(kind, init);
  const known = globalThis.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];
  tellCaptureTimes(transceiver);
  const codecs = CODECS[kind].flatMap((name) => known.filter(({ mimeType }) => mimeType.toLowerCase() === name));
  if (codecs.length === 0) return;
  try {
    transceiver.setCodecPreferences?.(codecs);
  } catch {
    // Then the offer is longer.
  }
}

/** When things were captured is said with them where both sides want it: see `lips.ts`. */
function tellCaptureTimes(transceiver: RTCRtpTransceiver & Partial<Negotiable>): void {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  const extension = extensions?.find(({ uri }) => uri.endsWith("/abs-capture-time"));
  if (!extensions || !extension) return;
  try {
    extension.direction = "sendrecv";
    transceiver.setHeaderExtensionsToNegotiate?.(extensions);
  } catch {
    // Then it is not said.
  }
}

/** W3C webrtc-extensions, 6. */
interface Negotiable {
  getHeaderExtensionsToNegotiate(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}

/** What to send of a source, the smallest first. `wanted`: which of them are of use to anybody; by default all. */
export function encodingsFor(
  source: Source,
  settings: Pick<MediaTrackSettings, "width" | "height">,
  wanted?: readonly boolean[],
): Encoding[] {
  if (source === "microphone" || source === "screen_audio") {
    const priority: RTCPriorityType = source === "microphone" ? "high" : "low";
    return [{ active: wanted?.[0] ?? true, maxBitrate: SOUND[source], priority }];
  }
  const short = Math.min(settings.width ?? Infinity, settings.height ?? Infinity);
  const known = Number.isFinite(short) ? short : USUAL[source];
  return SIZES[source].map(({ rid, scale, bitrate, framerate }, index) => ({
    rid,
    active: (scale === 1 || known / scale >= TOO_SMALL[source]) && (wanted?.[index] ?? true),
    scaleResolutionDownBy: scale,
    maxBitrate: bitrate(known / scale),
    maxFramerate: framerate,
  }));
}

/** Makes the sender send that. A browser that refuses it keeps its own choice; the call goes on. */
export async function applyEncodings(sender: RTCRtpSender, source: Source, wanted?: readonly boolean[]): Promise<void> {
  if (typeof sender.getParameters !== "function") return;
  const parameters = sender.getParameters();
  const encodings = encodingsFor(source, sender.track?.getSettings() ?? {}, wanted);
  // A browser that took one of several sends what is the largest.
  const fitting = encodings.slice(-(parameters.encodings?.length ?? 0));
  const preference = source === "screen" ? "maintain-resolution" : source === "camera" ? "maintain-framerate" : undefined;
  const same = fitting.every((encoding, index) => has(parameters.encodings[index], encoding));
  if ((same && parameters.degradationPreference === preference) || fitting.length === 0) return;
  fitting.forEach(({ rid: _, ...encoding }, index) => Object.assign(parameters.encodings[index]!, encoding));
  if (preference) parameters.degradationPreference = preference;
  await sender.setParameters(parameters).catch(() => undefined);
}

function has(encoding: RTCRtpEncodingParameters | undefined, wanted: Encoding): boolean {
  const { rid: _, ...values } = wanted;
  return Object.entries(values).every(([key, value]) => encoding?.[key as keyof RTCRtpEncodingParameters] === value);
}
