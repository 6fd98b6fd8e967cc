// Two soft tones: somebody came, somebody went. Made here, so there is nothing to load; quiet enough to talk over.
let context: AudioContext | null = null;

/** Plays the tone; silently does nothing where the page may not make sound yet. */
export function play(event: "joined" | "left"): void {
  if (typeof AudioContext !== "function") return;
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume().catch(() => undefined);
  const [first, second] = event === "joined" ? [392, 523.25] : [523.25, 392];
  tone(context, context.destination, first, 0);
  tone(context, context.destination, second, 0.11);
}

/** A sine that swells and fades, `at` seconds from now. */
export function tone(on: BaseAudioContext, to: AudioNode, hertz: number, at: number, loudness = 0.05): void {
  const start = on.currentTime + at;
  const oscillator = new OscillatorNode(on, { frequency: hertz });
  const gain = new GainNode(on, { gain: 0 });
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loudness, start + 0.03);
  gain.gain.exponentialRampToValueAtTime(0.0005, start + 0.32);
  oscillator.connect(gain).connect(to);
  oscillator.start(start);
  oscillator.stop(start + 0.34);
}
