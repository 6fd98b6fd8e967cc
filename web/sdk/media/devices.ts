// Cameras, microphones, speakers and screens: opening them, listing them, and saying by a code why one cannot be had.
// Knows nothing about calls, and has no words for people.

/** Why a device cannot be had. */
export type DeviceErrorCode =
  /** The person, the browser's settings or the operating system said no; for a screen also: the picker was closed. */
  | "denied"
  /** There is no such device. */
  | "not_found"
  /** Another program has it, or the hardware failed. */
  | "busy"
  /** The page is not a secure context (plain http on another machine), so the browser gives no devices at all. */
  | "insecure"
  /** The browser cannot do this. */
  | "unsupported"
  /** No device can do what was asked. */
  | "overconstrained"
  | "failed";

export type Capture = "microphone" | "camera" | "screen";

export class DeviceError extends Error {
  override readonly name = "DeviceError";
  constructor(
    readonly code: DeviceErrorCode,
    readonly source: Capture,
    cause?: unknown,
  ) {
    super(`${source}: ${code}`, { cause });
  }
}

/** What the call needs and this browser or page lacks; null when all is there. */
export function missingSupport(): "insecure" | "unsupported" | null {
  if (globalThis.isSecureContext === false) return "insecure";
  const able =
    typeof RTCPeerConnection === "function" &&
    typeof WebSocket === "function" &&
    typeof RTCPeerConnection.prototype.addTransceiver === "function" &&
    typeof RTCRtpSender.prototype.replaceTrack === "function";
  return able ? null : "unsupported";
}

/** Screen sharing exists here (no phone browser has it). */
export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

/** A speaker can be chosen here. */
export const canChooseSpeaker = (): boolean => typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;

export interface OpenOptions {
  /** The device to take if it is still there; else the browser's own choice. */
  deviceId?: string | undefined;
  /** On phones: the front (`user`) or back (`environment`) camera. */
  facing?: "user" | "environment" | undefined;
}

/** Opens a microphone. Rejects with `DeviceError`. */
export async function openMicrophone(options: OpenOptions = {}): Promise<MediaStreamTrack> {
  return only(await open({ audio: microphoneConstraints(options) }, "microphone", () => openMicrophone()), "microphone");
}

/** Opens a camera. Rejects with `DeviceError`. */
export async function openCamera(options: OpenOptions = {}): Promise<MediaStreamTrack> {
  return only(await open({ video: cameraConstraints(options) }, "camera", () => openCamera()), "camera");
}

export interface Opened {
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  /** Why one that was asked for is missing. */
  errors: { microphone?: DeviceError; camera?: DeviceError };
}

/** Opens both with one question to the person where the browser can; one that cannot be had does not keep the other away. */
export async function openDevices(wanted: { microphone?: OpenOptions | false; camera?: OpenOptions | false }): Promise<Opened> {
  const opened: Opened = { microphone: null, camera: null, errors: {} };
  const { microphone = {}, camera = {} } = wanted;
  if (microphone && camera) {
    try {
      const stream = await capture({ audio: microphoneConstraints(microphone), video: cameraConstraints(camera) });
      opened.microphone = stream.getAudioTracks()[0] ?? null;
      opened.camera = stream.getVideoTracks()[0] ?? null;
      return opened;
    } catch (error) {
      // One of them is the reason; asked one by one each gets its own answer. A person who said no is not asked again.
      if (asDeviceError(error, "camera").code === "denied" && !(await oneIsBlocked())) {
        for (const source of ["microphone", "camera"] as const) opened.errors[source] = asDeviceError(error, source);
        return opened;
      }
    }
  }
  if (microphone) await openMicrophone(microphone).then(into(opened, "microphone"), failing(opened, "microphone"));
  if (camera) await openCamera(camera).then(into(opened, "camera"), failing(opened, "camera"));
  return opened;
}

/** Exactly one of the two was forbidden before, so that asking for the other makes sense. */
async function oneIsBlocked(): Promise<boolean> {
  const blocked = async (name: string): Promise<boolean> =>
    (await navigator.permissions.query({ name: name as PermissionName })).state === "denied";
  try {
    return (await blocked("microphone")) !== (await blocked("camera"));
  } catch {
    return false;
  }
}

const into = (opened: Opened, source: "microphone" | "camera") => (track: MediaStreamTrack) => void (opened[source] = track);
const failing = (opened: Opened, source: "microphone" | "camera") => (error: unknown) =>
  void (opened.errors[source] = asDeviceError(error, source));

/** Asks for a screen, window or tab, with its sound where the system gives it. Rejects with `DeviceError`. */
export async function openScreen(): Promise<{ screen: MediaStreamTrack; screen_audio: MediaStreamTrack | null }> {
  const devices = mediaDevices("screen");
  if (typeof devices.getDisplayMedia !== "function") throw new DeviceError("unsupported", "screen");
  try {
    const stream = await devices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 15 }, width: { max: 2560 }, height: { max: 1440 } },
      // The call's own sound must not come back to the others as an echo.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, suppressLocalAudioPlayback: false } as never,
      systemAudio: "include",
      selfBrowserSurface: "exclude",
      surfaceSwitching: "include",
    } as DisplayMediaStreamOptions);
    const [screen] = stream.getVideoTracks();
    if (!screen) throw new DeviceError("not_found", "screen");
    return { screen, screen_audio: stream.getAudioTracks()[0] ?? null };
  } catch (error) {
    throw asDeviceError(error, "screen");
  }
}

export interface DeviceInfo {
  id: string;
  /** Empty until the person has allowed a device of this kind. */
  label: string;
}

export interface Devices {
  microphones: DeviceInfo[];
  cameras: DeviceInfo[];
  speakers: DeviceInfo[];
}

/** What there is now; empty lists where the browser gives none. */
export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind): DeviceInfo[] =>
    all.filter((device) => device.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") };
}

/** Calls `changed` when a device was plugged in or out; returns what stops it. */
export function watchDevices(changed: () => void): () => void {
  const devices = navigator.mediaDevices;
  devices?.addEventListener?.("devicechange", changed);
  return () => devices?.removeEventListener?.("devicechange", changed);
}

/** Plays an element's sound through this speaker; false: it cannot be chosen here, or is gone. */
export async function setSpeaker(element: HTMLMediaElement, deviceId: string): Promise<boolean> {
  if (!canChooseSpeaker()) return false;
  return element.setSinkId(deviceId).then(
    () => true,
    () => false,
  );
}

/** What a failed request for a device means. */
export function asDeviceError(error: unknown, source: Capture): DeviceError {
  if (error instanceof DeviceError) return error;
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  return new DeviceError(codes[name] ?? "failed", source, error);
}

const codes: Record<string, DeviceErrorCode> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "not_found",
  NotReadableError: "busy",
  AbortError: "busy",
  OverconstrainedError: "overconstrained",
  NotSupportedError: "unsupported",
  TypeError: "unsupported",
};

function microphoneConstraints({ deviceId }: OpenOptions): MediaTrackConstraints {
  return { ...device(deviceId), echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } };
}

function cameraConstraints({ deviceId, facing }: OpenOptions): MediaTrackConstraints {
  return {
    ...device(deviceId),
    ...(facing && !deviceId ? { facingMode: { ideal: facing } } : {}),
    width: { ideal: 1280 },
    height: { ideal: 720 },
    frameRate: { ideal: 30, max: 30 },
  };
}

// `ideal`, so that a device that is gone falls back to another instead of failing.
const device = (id: string | undefined): MediaTrackConstraints => (id ? { deviceId: { ideal: id } } : {});

async function open(constraints: MediaStreamConstraints, source: Capture, again: () => Promise<MediaStreamTrack>) {
  try {
    return await capture(constraints);
  } catch (error) {
    const failure = asDeviceError(error, source);
    const asked = constraints.audio ?? constraints.video;
    // A named device that cannot be had (busy, or of no use) must not leave the person without any.
    const named = typeof asked === "object" && ("deviceId" in asked || "facingMode" in asked);
    if (named && (failure.code === "overconstrained" || failure.code === "busy")) return new MediaStream([await again()]);
    throw failure;
  }
}

async function capture(constraints: MediaStreamConstraints): Promise<MediaStream> {
  return mediaDevices(constraints.video ? "camera" : "microphone").getUserMedia(constraints);
}

function mediaDevices(source: Capture): MediaDevices {
  // Outside a secure context the whole interface is missing.
  if (!navigator.mediaDevices?.getUserMedia) throw new DeviceError(isSecureContext ? "unsupported" : "insecure", source);
  return navigator.mediaDevices;
}

function only(stream: MediaStream, source: Capture): MediaStreamTrack {
  const [track] = stream.getTracks();
  if (!track) throw new DeviceError("not_found", source);
  return track;
}
