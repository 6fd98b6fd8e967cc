// Camera and microphone: whether they can be had, show something and hear something. Nothing of it leaves this page.
import { asDeviceError, openDevices, type OpenOptions } from "../../sdk/media/devices";
import { AudioLevelMeter } from "../../sdk/media/level";
import type { CameraOutcome, MicrophoneOutcome } from "./outcome";

/** A camera that gives no picture by then gives none. */
const PICTURE_WITHIN_MS = 6_000;
/** The first pictures of many cameras are black: they get used to the light. */
const DARK_AFTER_MS = 2_500;
/** On a scale of 0 to 255: a closed shutter, not a dim room. */
const DARK = 6;
const LISTEN_MS = 6_000;
/** On the meter's scale: above what stays of a quiet room. */
const HEARD = 0.25;
const READ_EVERY_MS = 60;

export interface Shown {
  /** Where the person sees themselves. */
  video: HTMLVideoElement;
  /** From 0 to 1. */
  level(level: number): void;
}

export interface DeviceTest {
  camera: Promise<CameraOutcome>;
  /** Begins when the camera is done. */
  microphone: Promise<MicrophoneOutcome>;
}

type Wanted = readonly ("camera" | "microphone")[];

/** Asks for what is wanted with one question. Ends, and lets go of everything, when both are done or `skip` is aborted. */
export function testDevices(wanted: Wanted, shown: Shown, skip: AbortSignal): DeviceTest {
  const want = (kind: "camera" | "microphone"): OpenOptions | false => (wanted.includes(kind) ? {} : false);
  const opened = openDevices({ camera: want("camera"), microphone: want("microphone") });
  const skipped = new Promise<{ is: "skipped" }>((resolve) => skip.addEventListener("abort", () => resolve({ is: "skipped" })));
  const look = async (): Promise<CameraOutcome> => {
    const { camera, errors } = await opened;
    return camera ? seen(camera, shown.video) : { is: errors.camera?.code ?? "failed" };
  };
  const listen = async (): Promise<MicrophoneOutcome> => {
    const { microphone, errors } = await opened;
    if (wanted.includes("camera")) await camera;
    return microphone ? heard(microphone, shown.level, skip) : { is: errors.microphone?.code ?? "failed" };
  };
  const orWhy =
    <K extends "camera" | "microphone">(kind: K) =>
    (error: unknown) => ({ is: asDeviceError(error, kind).code });
  const camera = Promise.race([look().catch(orWhy("camera")), skipped]);
  const microphone = Promise.race([listen().catch(orWhy("microphone")), skipped]);
  void Promise.all([opened, wanted.includes("camera") && camera, wanted.includes("microphone") && microphone]).then(([opened]) => {
    opened.camera?.stop();
    opened.microphone?.stop();
    shown.video.srcObject = null;
  });
  return { camera, microphone };
}

async function seen(track: MediaStreamTrack, video: HTMLVideoElement): Promise<CameraOutcome> {
  video.srcObject = new MediaStream([track]);
  void video.play().catch(() => undefined);
  const start = performance.now();
  const end = () => performance.now() - start;
  while (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    if (end() > PICTURE_WITHIN_MS) return { is: "failed" };
    await pause();
  }
  while (isDark(video)) {
    if (end() > DARK_AFTER_MS) return { is: "dark" };
    await pause();
  }
  return { is: "works", width: video.videoWidth, height: video.videoHeight };
}

function isDark(video: HTMLVideoElement): boolean {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [16, 12];
  const context = canvas.getContext("2d");
  if (!context) return false;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  // A browser that guards against fingerprints gives noise, which is not dark.
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.every((value, index) => index % 4 === 3 || value < DARK);
}

async function heard(track: MediaStreamTrack, show: (level: number) => void, skip: AbortSignal): Promise<MicrophoneOutcome> {
  const meter = new AudioLevelMeter(track);
  const end = performance.now() + LISTEN_MS;
  let is: "works" | "silent" = "silent";
  while (is === "silent" && performance.now() < end && !skip.aborted) {
    await pause();
    const level = meter.level();
    show(level);
    if (level > HEARD) is = "works";
  }
  meter.close();
  show(0);
  return { is };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS));
