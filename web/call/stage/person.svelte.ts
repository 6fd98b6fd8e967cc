// One person as the page shows them: what the SDK says about a participant, made reactive.
import type { Diagnosis, Participant, Quality, Source } from "../../sdk";

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
  /** Why they cannot be reached, once that is so. */
  diagnosis = $state.raw<Diagnosis | null>(null);
  handRaisedAt = $state<number | null>(null);
  tracks = $state.raw<Readonly<Record<Source, MediaStreamTrack | null>>>(NO_TRACKS);

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
    const { name, role, microphone, camera, screen, speaking, connection, quality, handRaisedAt } = this.participant;
    Object.assign(this, { name, role, microphone, camera, screen, speaking, connection, quality, handRaisedAt });
    // A picture stays, as it was last, until there is another or it is switched off: nothing jumps while a way is mended.
    const tracks = {
      microphone: this.participant.track("microphone"),
      camera: this.participant.track("camera") ?? (camera ? this.tracks.camera : null),
      screen: this.participant.track("screen") ?? (screen ? this.tracks.screen : null),
      screen_audio: this.participant.track("screen_audio"),
    };
    // The same tracks stay the same object, so that no picture is attached anew when a name changes.
    if ((Object.keys(tracks) as Source[]).some((source) => tracks[source] !== this.tracks[source])) this.tracks = tracks;
  }
}

const NO_TRACKS = { microphone: null, camera: null, screen: null, screen_audio: null };
