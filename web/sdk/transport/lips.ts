// Sound and picture of one person together. They come in places that are others' at other times, and browsers hold together only what
// belongs together for good: so it is compared how late each of the two is, by the times at which they were captured, and what is early is
// played later. Where a browser does not tell, both are played as soon as they can be.
import type { Slot } from "./slot";

const EVERY_MS = 500;
/** Nobody notices less (ITU-R BT.1359 says 45). */
const UNNOTICED_MS = 20;
/** So much of what is left is made up for at each look: a single reading may be off by a frame. */
const PART = 0.5;
/** Rather apart than later than this. */
const MOST_MS = 400;
/** More than this was not measured right. */
const ABSURD_MS = 3_000;
/** What was played before this is not what is played now. */
const FRESH_MS = 1_000;

/** How long what is early waits, at least, in ms. One of the two is always 0. */
export interface Holds {
  audio: number;
  video: number;
}

/** What to hold back from now on, if the sound is so much later than the picture. */
export function hold({ audio, video }: Holds, late: number): Holds {
  if (Math.abs(late) <= UNNOTICED_MS || Math.abs(late) >= ABSURD_MS) return { audio, video };
  // Who waits for the other waits less before the other waits for them.
  const apart = Math.max(-MOST_MS, Math.min(MOST_MS, video - audio + late * PART));
  return { audio: Math.max(0, -apart), video: Math.max(0, apart) };
}

/** What was played last (W3C webrtc-extensions, 8). */
interface Played extends RTCRtpSynchronizationSource {
  captureTimestamp?: number | undefined;
}

/** How much later the sound was played than the picture that belongs to it, in ms; null: it cannot be told. */
export function lateness(audio: Played | undefined, video: Played | undefined, now: number): number | null {
  const [sound, picture] = [audio, video].map((one) => {
    const { timestamp, captureTimestamp } = one ?? {};
    if (timestamp === undefined || captureTimestamp === undefined || now - timestamp > FRESH_MS) return null;
    return timestamp - captureTimestamp;
  });
  return sound == null || picture == null ? null : sound - picture;
}

interface Places {
  readonly audio: readonly Slot[];
  readonly video: readonly Slot[];
}

/** Who is in which two places, and what is held back in them. */
interface Pair {
  audio: Slot;
  video: Slot;
  holds: Holds;
}

export class Lips {
  readonly #places: Places;
  #pairs = new Map<string, Pair>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(places: Places) {
    this.#places = places;
  }

  watch(): void {
    this.#timer ??= setInterval(() => this.look(), EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  look(): void {
    const now = performance.timeOrigin + performance.now();
    const before = this.#pairs;
    this.#pairs = new Map(this.#together());
    const held = new Map<Slot, number>();
    for (const [key, pair] of this.#pairs) {
      const known = before.get(key);
      if (known?.audio === pair.audio && known.video === pair.video) pair.holds = known.holds;
      const late = lateness(played(pair.audio), played(pair.video), now);
      if (late !== null) pair.holds = hold(pair.holds, late);
      held.set(pair.audio, pair.holds.audio).set(pair.video, pair.holds.video);
    }
    for (const slot of [...this.#places.audio, ...this.#places.video]) delay(slot.receiver, held.get(slot) ?? 0);
  }

  /** Voices with cameras, and the sound of a screen with the screen. */
  *#together(): Iterable<[string, Pair]> {
    for (const audio of this.#places.audio) {
      const { participant, source } = audio.carries ?? {};
      if (participant === undefined || source === undefined) continue;
      const seen = source === "microphone" ? "camera" : "screen";
      const video = this.#places.video.find((slot) => slot.is(participant, seen));
      if (video && audio.ready && video.ready) yield [`${participant} ${seen}`, { audio, video, holds: { audio: 0, video: 0 } }];
    }
  }
}

function played({ receiver }: Slot): Played | undefined {
  return receiver.getSynchronizationSources?.()[0];
}

function delay(receiver: RTCRtpReceiver, ms: number): void {
  const wanted = ms > 0 ? Math.round(ms) : null;
  if (!("jitterBufferTarget" in receiver) || receiver.jitterBufferTarget === wanted) return;
  try {
    receiver.jitterBufferTarget = wanted;
  } catch {
    // It is played as soon as it can be.
  }
}
