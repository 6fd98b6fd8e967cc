// One person as the page shows them: what the SDK says about a participant, made reactive.
import type { Diagnosis, HeldReason, Participant, Quality, Source } from "../../sdk";

export class Person {
  readonly id: string;
  name = $state("");
  role = $state<Participant["role"]>("guest");
  microphone = $state(false);
  camera = $state(false);
  screen = $state(false);
  speaking = $state(false);
  connection = $state<Participant["connection"]>("connecting");
  quality = $state<Quality>("good");
  /** Their picture is in sight but not sent to us, and why. */
  held = $state<HeldReason | null>(null);
  heldScreen = $state<HeldReason | null>(null);
  /** Why they cannot be reached, once that is so. */
  diagnosis = $state.raw<Diagnosis | null>(null);
  handRaisedAt = $state<number | null>(null);
  tracks = $state.raw<Readonly<Record<Source, MediaStreamTrack | null>>>(NO_TRACKS);
  /** When they began to speak, were heard last, and were seen last, in `performance.now()` time. */
  speakingSince = -Infinity;
  spokeAt = -Infinity;
  cameraAt = -Infinity;
  /** How many tiles show them. */
  #shown = 0;

  constructor(
    readonly participant: Participant,
    /** This is the person at this machine. */
    readonly self: boolean,
  ) {
    this.id = participant.id;
    this.sync();
  }

  /** Takes over what the participant is now. */
  sync(): void {
    const { name, role, microphone, camera, screen, connection, quality, held, heldScreen, handRaisedAt } = this.participant;
    const speaking = this.participant.speaking && microphone;
    if (speaking !== this.speaking) this[speaking ? "speakingSince" : "spokeAt"] = performance.now();
    if (this.camera && !camera) this.cameraAt = performance.now();
    Object.assign(this, { name, role, microphone, camera, screen, speaking, connection, quality, held, heldScreen, handRaisedAt });
    const tracks = {
      microphone: this.participant.track("microphone"),
      camera: this.#picture("camera"),
      screen: this.#picture("screen"),
      screen_audio: this.participant.track("screen_audio"),
    };
    // The same tracks stay the same object, so that no picture is attached anew when a name changes.
    if ((Object.keys(tracks) as Source[]).some((source) => tracks[source] !== this.tracks[source])) this.tracks = tracks;
  }

  /** A tile shows them; returns what says that it does no longer. For `{@attach}`. */
  show = (): (() => void) => {
    this.#shown += 1;
    return () => {
      this.#shown -= 1;
      this.sync();
    };
  };

  /** A picture in sight stays, as it was last, until there is another or it is switched off: nothing jumps while a way is mended. */
  #picture(source: "camera" | "screen"): MediaStreamTrack | null {
    const track = this.participant.track(source);
    const before = this.tracks[source];
    if (track) {
      shownBy.set(track, this);
      return track;
    }
    // What carried it may carry somebody else's by now.
    return this.#shown > 0 && this[source] && before && shownBy.get(before) === this ? before : null;
  }
}

/** Whose picture a track carries. */
const shownBy = new WeakMap<MediaStreamTrack, Person>();

const NO_TRACKS = { microphone: null, camera: null, screen: null, screen_audio: null };
