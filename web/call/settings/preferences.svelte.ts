// What the person chose and what is remembered on this device. Private windows and full disks may refuse: then it lasts as long as the page.

interface Remembered {
  name: string;
  microphone: boolean;
  camera: boolean;
  microphoneId: string;
  cameraId: string;
  speakerId: string;
  sounds: boolean;
  shortcuts: boolean;
}

const KEY = "fireside.call";
const DEFAULTS: Remembered = {
  name: "",
  microphone: true,
  camera: true,
  microphoneId: "",
  cameraId: "",
  speakerId: "",
  sounds: true,
  shortcuts: true,
};

export class Preferences {
  name = $state.raw(DEFAULTS.name);
  microphone = $state.raw(DEFAULTS.microphone);
  camera = $state.raw(DEFAULTS.camera);
  microphoneId = $state.raw(DEFAULTS.microphoneId);
  cameraId = $state.raw(DEFAULTS.cameraId);
  speakerId = $state.raw(DEFAULTS.speakerId);
  /** A soft tone when somebody comes or goes. */
  sounds = $state.raw(DEFAULTS.sounds);
  /** Single keys work as shortcuts (WCAG 2.1.4 asks that they can be switched off). */
  shortcuts = $state.raw(DEFAULTS.shortcuts);

  readonly #storage: Storage | null;

  constructor(storage: Storage | null = localStorageOrNull()) {
    this.#storage = storage;
    Object.assign(this, read(storage));
  }

  set(changes: Partial<Remembered>): void {
    Object.assign(this, changes);
    const whole = Object.fromEntries(keys.map((key) => [key, this[key]]));
    try {
      this.#storage?.setItem(KEY, JSON.stringify(whole));
    } catch {
      // Not remembered, still in force.
    }
  }
}

const keys = Object.keys(DEFAULTS) as (keyof Remembered)[];

/** Only what has the right type is believed: another version may have written it. */
function read(storage: Storage | null): Partial<Remembered> {
  try {
    const found: unknown = JSON.parse(storage?.getItem(KEY) ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    return Object.fromEntries(
      Object.entries(found).filter(
        ([key, value]) => keys.includes(key as keyof Remembered) && typeof value === typeof DEFAULTS[key as keyof Remembered],
      ),
    );
  } catch {
    return {};
  }
}

function localStorageOrNull(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
