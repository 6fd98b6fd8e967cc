// The microphone, the camera and the speaker of this machine: which one, on or off, what went wrong. Before the call and in it.
// Knows nothing about people or rooms: where a track goes is told to it as a `Destination`.
import {
  asDeviceError,
  listDevices,
  openCamera,
  openDevices,
  openMicrophone,
  watchDevices,
  type DeviceErrorCode,
  type DeviceInfo,
  type Devices,
} from "../../sdk";
import type { Preferences } from "./preferences.svelte";

export type InputKind = "microphone" | "camera";
/** Why an input is off although it was wanted. */
export type Trouble = DeviceErrorCode | "unplugged";
/** Takes the track (null: none) to where it is sent. */
export type Destination = (track: MediaStreamTrack | null) => Promise<void>;

/** One microphone or camera. `on` shows what the person wants at once and returns to the truth if it can't be had. */
export class Input {
  on = $state(false);
  starting = $state(false);
  track = $state.raw<MediaStreamTrack | null>(null);
  trouble = $state<Trouble | null>(null);
  /** What the room shall be told; without a room a switched-off track is only stopped. */
  destination: Destination | null = null;
  /** A device went away and this one, by its label, has taken its place. */
  onreplaced: (label: string) => void = () => {};
  /** It could not be had; `trouble` says why. */
  ontrouble: () => void = () => {};
  #facing: "user" | "environment" = "user";
  /** Grows with every wish; an answer to an older wish is thrown away. */
  #wish = 0;

  constructor(
    readonly kind: InputKind,
    private readonly preferences: Preferences,
  ) {}

  get deviceId(): string {
    return this.kind === "microphone" ? this.preferences.microphoneId : this.preferences.cameraId;
  }

  /** Switches it on or off and remembers that. Resolves when it is so, or when it can't be. */
  async toggle(on = !this.on): Promise<void> {
    this.preferences.set({ [this.kind]: on });
    await (on ? this.start() : this.stop());
  }

  /** `lost`: in place of a device that went away by itself. */
  async start(lost = false): Promise<void> {
    const wish = ++this.#wish;
    this.on = this.starting = true;
    this.trouble = null;
    try {
      await this.take(await this.#open(), wish);
      if (lost && this.track) this.onreplaced(this.track.label);
    } catch (error) {
      if (wish !== this.#wish) return;
      const { code } = asDeviceError(error, this.kind);
      this.fail(lost && code === "not_found" ? "unplugged" : code);
      this.ontrouble();
    } finally {
      if (wish === this.#wish) this.starting = false;
    }
  }

  async stop(): Promise<void> {
    this.#wish += 1;
    this.on = this.starting = false;
    this.trouble = null;
    this.#release();
    await this.destination?.(null);
  }

  /** Another device of the same kind. */
  async choose(deviceId: string): Promise<void> {
    this.preferences.set(this.kind === "microphone" ? { microphoneId: deviceId } : { cameraId: deviceId });
    if (!this.on && !this.trouble) return;
    // Phones open one camera at a time, so the old one goes first; a stopped track is replaced without a gap in the call.
    this.#release();
    await this.start();
  }

  /** Only cameras of phones and tablets know which way they look. */
  get flips(): boolean {
    return this.#looks() !== undefined;
  }

  /** To the camera on the other side of the phone. */
  async flip(): Promise<void> {
    this.#facing = this.#looks() === "environment" ? "user" : "environment";
    await this.choose("");
  }

  /** Believes a track that was opened elsewhere to be this input's. */
  async take(track: MediaStreamTrack, wish = this.#wish): Promise<void> {
    if (wish !== this.#wish) return track.stop();
    this.#release();
    this.track = track;
    this.on = true;
    track.addEventListener("ended", () => track === this.track && void this.start(true), { once: true });
    await this.destination?.(track);
  }

  fail(trouble: Trouble): void {
    this.on = this.starting = false;
    this.trouble = trouble;
    this.#release();
    void this.destination?.(null);
  }

  #open(): Promise<MediaStreamTrack> {
    return this.kind === "microphone"
      ? openMicrophone({ deviceId: this.deviceId })
      : openCamera({ deviceId: this.deviceId, facing: this.#facing });
  }

  #looks(): string | undefined {
    return this.track?.getSettings?.().facingMode;
  }

  #release(): void {
    this.track?.stop();
    this.track = null;
  }
}

export class Inputs {
  readonly microphone: Input;
  readonly camera: Input;
  /** What there is to choose from. */
  devices = $state.raw<Devices>({ microphones: [], cameras: [], speakers: [] });
  /** The first question to the person is open: the browser shows its own. */
  asking = $state(false);
  /** Resolves when the devices that were on last time are there, or cannot be had. */
  opened: Promise<void> = Promise.resolve();

  constructor(private readonly preferences: Preferences) {
    this.microphone = new Input("microphone", preferences);
    this.camera = new Input("camera", preferences);
  }

  /** Opens what was on last time, both with one question; returns what stops watching the devices. */
  begin(): () => void {
    this.opened = this.open();
    return watchDevices(() => void this.refresh());
  }

  async open(): Promise<void> {
    const { microphone, camera, preferences } = this;
    const wanted = {
      microphone: preferences.microphone && ({ deviceId: microphone.deviceId } as const),
      camera: preferences.camera && ({ deviceId: camera.deviceId, facing: "user" } as const),
    };
    if (wanted.microphone || wanted.camera) {
      microphone.on = microphone.starting = !!wanted.microphone;
      camera.on = camera.starting = !!wanted.camera;
      this.asking = true;
      const opened = await openDevices(wanted);
      this.asking = false;
      for (const input of [microphone, camera]) {
        // Switched off while the question was open: it stays off.
        const still = input.starting;
        input.starting = false;
        const track = opened[input.kind];
        const error = opened.errors[input.kind];
        if (track && still) await input.take(track);
        else track?.stop();
        if (error && still) input.fail(error.code);
      }
    }
    await this.refresh();
  }

  async refresh(): Promise<void> {
    this.devices = await listDevices();
  }

  choices(kind: InputKind | "speaker"): DeviceInfo[] {
    const { microphones, cameras, speakers } = this.devices;
    // Until devices are allowed they have neither names nor ids: nothing to choose from.
    return { microphone: microphones, camera: cameras, speaker: speakers }[kind].filter(
      (device) => device.id !== "" && device.label !== "",
    );
  }

  stop(): void {
    void this.microphone.stop();
    void this.camera.stop();
  }
}
