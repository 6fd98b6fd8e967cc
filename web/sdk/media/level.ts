// How loud something is, and whether that is somebody speaking. One AudioContext for the whole page.

/** Amplitudes (0…1): speech begins above the first and has ended after `HOLD_MS` below the second. -36 and -42 dBFS. */
const SPEECH_ON = 0.016;
const SPEECH_OFF = 0.008;
/** Longer than the gaps between words. */
const HOLD_MS = 700;

/** Turns levels into "speaking", with hysteresis. */
export class SpeechDetector {
  speaking = false;
  #heardAt = Number.NEGATIVE_INFINITY;

  /** Takes the level (amplitude 0…1) at `now` (ms); true when `speaking` changed. */
  update(level: number, now: number): boolean {
    const before = this.speaking;
    if (level > (before ? SPEECH_OFF : SPEECH_ON)) {
      this.#heardAt = now;
      this.speaking = true;
    } else if (before && now - this.#heardAt > HOLD_MS) {
      this.speaking = false;
    }
    return this.speaking !== before;
  }
}

/** Reads the level of a microphone (or any audio track). Costs nothing while it is not read. */
export class AudioLevelMeter {
  readonly #source: MediaStreamAudioSourceNode | null;
  readonly #analyser: AnalyserNode | null;
  readonly #samples = new Float32Array(1024);

  constructor(track: MediaStreamTrack) {
    const context = sharedContext();
    this.#analyser = context?.createAnalyser() ?? null;
    this.#source = context?.createMediaStreamSource(new MediaStream([track])) ?? null;
    if (this.#analyser) {
      this.#analyser.fftSize = this.#samples.length;
      this.#source?.connect(this.#analyser);
    }
  }

  /** Root mean square of the last 20 ms or so, 0…1. Zero until the page may use sound (see `resumeAudio`). */
  amplitude(): number {
    if (!this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.sqrt(sum / this.#samples.length);
  }

  /** The amplitude as a meter shows it: 0 at -60 dBFS and below, 1 at -6 dBFS. */
  level(): number {
    return meterLevel(this.amplitude());
  }

  close(): void {
    this.#source?.disconnect();
  }
}

/** An amplitude (0…1) on a meter's scale, which follows decibels as the ear does. */
export function meterLevel(amplitude: number): number {
  const decibels = 20 * Math.log10(Math.max(amplitude, 1e-6));
  return Math.min(1, Math.max(0, (decibels + 60) / 54));
}

/** Lets sound run again where the browser waits for a gesture; call it from a click. The first gesture does it by itself. */
export function resumeAudio(): void {
  if (context?.state === "suspended") void context.resume().catch(() => undefined);
}

let context: AudioContext | null = null;

function sharedContext(): AudioContext | null {
  if (!context && typeof AudioContext === "function") {
    context = new AudioContext({ latencyHint: "playback" });
    for (const gesture of ["pointerdown", "keydown"]) globalThis.addEventListener?.(gesture, resumeAudio, { capture: true, passive: true });
  }
  resumeAudio();
  return context;
}
