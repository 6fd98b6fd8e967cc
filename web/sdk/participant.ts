// People in the meeting, as the page sees them: one object each for as long as they are here.
import type { LocalParticipant, Participant, Source } from "./api";
import { AudioLevelMeter, SpeechDetector } from "./media/level";
import type { Quality } from "./monitor/quality";
import type { HeldReason, MediaState, ParticipantId, Role, Participant as WireParticipant } from "./protocol.gen";
import type { Switchboard } from "./transport/switchboard";

/** Readings without an answer from the browser after which the level is measured instead (about two seconds). */
const SILENT_READINGS = 16;

abstract class Person implements Participant {
  wire: WireParticipant;
  readonly speech = new SpeechDetector();

  constructor(wire: WireParticipant) {
    this.wire = wire;
  }

  get id(): ParticipantId {
    return this.wire.id;
  }
  get name(): string {
    return this.wire.name;
  }
  get role(): Role {
    return this.wire.role;
  }
  get microphone(): boolean {
    return this.wire.media.microphone;
  }
  get camera(): boolean {
    return this.wire.media.camera;
  }
  get screen(): boolean {
    return this.wire.media.screen;
  }
  get handRaisedAt(): number | null {
    return this.wire.hand_raised_at;
  }
  get speaking(): boolean {
    return this.speech.speaking;
  }

  abstract readonly connection: Participant["connection"];
  abstract readonly quality: Quality;
  abstract readonly held: HeldReason | null;
  abstract readonly heldScreen: HeldReason | null;
  abstract track(source: Source): MediaStreamTrack | null;
  protected abstract amplitude(microphone: MediaStreamTrack): number;

  #meter: { track: MediaStreamTrack; meter: AudioLevelMeter } | null = null;

  /** Listens once; true when `speaking` changed. */
  listen(now: number): boolean {
    const track = this.microphone ? this.track("microphone") : null;
    if (!track) this.hush();
    return this.speech.update(track ? this.amplitude(track) : 0, now);
  }

  /** Measures the track itself. */
  protected measure(track: MediaStreamTrack): number {
    if (this.#meter?.track !== track) {
      this.hush();
      this.#meter = { track, meter: new AudioLevelMeter(track) };
    }
    return this.#meter.meter.amplitude();
  }

  /** Stops measuring. */
  hush(): void {
    this.#meter?.meter.close();
    this.#meter = null;
  }
}

export class RemotePerson extends Person {
  readonly #transport: Switchboard;
  /** Whether they speak, as the server hears it; null: it does not hear them. */
  heard: boolean | null = null;
  /** From the last readings. */
  judged: Quality = "good";
  #unanswered = 0;

  constructor(wire: WireParticipant, transport: Switchboard) {
    super(wire);
    this.#transport = transport;
  }

  get connection(): Participant["connection"] {
    const path = this.#transport.state(this.id);
    return path === "connected" && !this.wire.connected ? "reconnecting" : path;
  }

  get quality(): Quality {
    const path = this.#transport.state(this.id);
    return path === "reconnecting" || path === "failed" ? "lost" : this.judged;
  }

  override get speaking(): boolean {
    return this.heard ?? super.speaking;
  }

  get held(): HeldReason | null {
    return this.camera ? this.#transport.held(this.id, "camera") : null;
  }

  get heldScreen(): HeldReason | null {
    return this.screen ? this.#transport.held(this.id, "screen") : null;
  }

  /** The server can hand them messages now. */
  get reachable(): boolean {
    return this.wire.connected;
  }

  override listen(now: number): boolean {
    if (this.heard === null) return super.listen(now);
    this.hush();
    return false;
  }

  track(source: Source): MediaStreamTrack | null {
    const on = source === "screen_audio" ? this.screen : this.wire.media[source];
    return on ? this.#transport.track(this.id, source) : null;
  }

  protected amplitude(microphone: MediaStreamTrack): number {
    const level = this.#transport.audioLevel(this.id);
    this.#unanswered = level === undefined ? this.#unanswered + 1 : 0;
    if (level !== undefined) return level;
    return this.#unanswered > SILENT_READINGS ? this.measure(microphone) : 0;
  }
}

/** What the person at this machine does, carried out by the room. */
export interface OwnActions {
  connection(): Participant["connection"];
  quality(): Quality;
  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void>;
}

export class OwnPerson extends Person implements LocalParticipant {
  readonly held = null;
  readonly heldScreen = null;
  /** What is sent now. */
  readonly tracks: Map<Source, MediaStreamTrack>;
  readonly #actions: OwnActions;

  constructor(wire: WireParticipant, tracks: Map<Source, MediaStreamTrack>, actions: OwnActions) {
    super(wire);
    this.tracks = tracks;
    this.#actions = actions;
  }

  get connection(): Participant["connection"] {
    return this.#actions.connection();
  }

  get quality(): Quality {
    return this.#actions.quality();
  }

  track(source: Source): MediaStreamTrack | null {
    return this.tracks.get(source) ?? null;
  }

  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    return this.#actions.setTrack(source, track);
  }

  mediaState(): MediaState {
    return { microphone: this.tracks.has("microphone"), camera: this.tracks.has("camera"), screen: this.tracks.has("screen") };
  }

  protected amplitude(microphone: MediaStreamTrack): number {
    return this.measure(microphone);
  }
}
