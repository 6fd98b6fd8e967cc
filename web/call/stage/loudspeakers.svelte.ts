// Plays what the others say. The elements live outside the tiles, so that a tile that moves or goes never interrupts a voice.
import { setSpeaker } from "../../sdk";
import type { Preferences } from "../settings/preferences.svelte";

export class Loudspeakers {
  /** The browser waits for a gesture before it lets the page sound. */
  blocked = $state(false);
  readonly #playing = new Map<MediaStreamTrack, HTMLAudioElement>();
  #home: HTMLElement | null = null;

  constructor(private readonly preferences: Preferences) {}

  /** Where the elements go; returns what takes them away. For `{@attach}`. */
  attach = (home: HTMLElement): (() => void) => {
    this.#home = home;
    home.append(...this.#playing.values());
    return () => (this.#home = null);
  };

  /** From now on exactly these tracks are heard. */
  play(tracks: readonly MediaStreamTrack[]): void {
    for (const [track, element] of this.#playing) {
      if (tracks.includes(track)) continue;
      element.srcObject = null;
      element.remove();
      this.#playing.delete(track);
    }
    for (const track of tracks) if (!this.#playing.has(track)) this.#add(track);
  }

  /** From a click: lets everything sound that waits. */
  unblock(): void {
    this.blocked = false;
    for (const element of this.#playing.values()) this.#start(element);
  }

  async choose(deviceId: string): Promise<void> {
    this.preferences.set({ speakerId: deviceId });
    await Promise.all([...this.#playing.values()].map((element) => setSpeaker(element, deviceId)));
  }

  close(): void {
    this.play([]);
  }

  #add(track: MediaStreamTrack): void {
    const element = new Audio();
    element.srcObject = new MediaStream([track]);
    this.#playing.set(track, element);
    this.#home?.append(element);
    if (this.preferences.speakerId) void setSpeaker(element, this.preferences.speakerId);
    this.#start(element);
  }

  #start(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.blocked = true;
    });
  }
}
