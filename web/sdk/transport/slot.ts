// A place in which we receive: the server says whose voice or picture it carries, and that changes without a word between the browsers.
import type { ParticipantId, SlotKind, TrackRef } from "../protocol.gen";
import type { Source } from "../api";
import type { Arrivals, Reading } from "./arrivals";

export class Slot {
  carries: TrackRef | null = null;
  /** What it carries has arrived. */
  ready = false;
  /** It has carried nobody else, so that there is nobody else to be seen in it still. */
  clean = true;
  #stop: (() => void) | undefined;

  constructor(
    readonly kind: SlotKind,
    readonly receiver: RTCRtpReceiver,
    private readonly arrivals: Arrivals,
    private readonly read: Reading,
    private readonly changed: (id: ParticipantId) => void,
  ) {}

  get track(): MediaStreamTrack {
    return this.receiver.track;
  }

  is(id: ParticipantId, source: Source): boolean {
    return this.carries?.participant === id && this.carries.source === source;
  }

  give(track: TrackRef | null): void {
    const before = this.carries;
    if (before?.participant === track?.participant && before?.source === track?.source) return;
    this.#stop?.();
    this.clean &&= before === null;
    this.carries = track;
    this.ready = false;
    if (track) this.#stop = this.arrivals.expect(this.track, this.read, () => this.#arrived(track), this.clean);
    for (const one of new Set([before?.participant, track?.participant])) if (one !== undefined) this.changed(one);
  }

  close(): void {
    this.#stop?.();
  }

  #arrived({ participant }: TrackRef): void {
    this.ready = true;
    this.changed(participant);
  }
}
