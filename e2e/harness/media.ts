// Cameras and microphones: files that Chromium plays as if they were devices. A camera shows one colour, a microphone beeps one tone.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const USUAL = { width: 640, height: 360 };
/** For calls of many, on a machine that has them all to itself: next to nothing to encode. */
export const SMALL = { width: 320, height: 180 };
// Enough to see that a picture moves on, little enough that two cores encode and decode three people.
const FRAMES_PER_SECOND = 15;
const FRAMES = 15;
const SAMPLES_PER_SECOND = 48_000;

export type Colour = readonly [red: number, green: number, blue: number];

export const red: Colour = [200, 40, 40];
export const green: Colour = [40, 180, 60];
export const blue: Colour = [40, 70, 210];

/** Writes a y4m file (4:2:0) of a single colour with a thin line that wanders, and returns its path. */
export function camera(folder: string, colour: Colour, { width, height } = USUAL, framesPerSecond = FRAMES_PER_SECOND): string {
  const [y, u, v] = toYuv(colour);
  const header = `YUV4MPEG2 W${width} H${height} F${framesPerSecond}:1 Ip A1:1 C420jpeg\n`;
  const parts = [Buffer.from(header)];
  for (let frame = 0; frame < FRAMES; frame++) {
    const luma = Buffer.alloc(width * height, y);
    // Encoders may drop frames that do not differ from the one before. The line stays in the upper quarter, off the centre.
    const row = Math.floor(height / 90) * frame;
    luma.fill(235, row * width, (row + 2) * width);
    const chroma = (width * height) / 4;
    parts.push(Buffer.from("FRAME\n"), luma, Buffer.alloc(chroma, u), Buffer.alloc(chroma, v));
  }
  return write(folder, `camera-${height}-${framesPerSecond}-${colour.join("-")}.y4m`, Buffer.concat(parts));
}

/** Where a point of a picture lies: 0 to 1 from left to right and from top to bottom. */
type Painting = (x: number, y: number) => Colour;

/** Writes a y4m file of a still picture, for screenshots, and returns its path. */
export function stillCamera(folder: string, name: string, paint: Painting): string {
  const [width, height] = [1280, 720];
  const luma = Buffer.alloc(width * height);
  const [us, vs] = [Buffer.alloc(luma.length / 4), Buffer.alloc(luma.length / 4)];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [y, u, v] = toYuv(paint(column / width, row / height));
      luma[row * width + column] = y;
      if (row % 2 === 0 && column % 2 === 0) {
        const at = (row / 2) * (width / 2) + column / 2;
        us[at] = u;
        vs[at] = v;
      }
    }
  }
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, us, vs]);
  const header = Buffer.from(`YUV4MPEG2 W${width} H${height} F5:1 Ip A1:1 C420jpeg\n`);
  return write(folder, `still-${name}.y4m`, Buffer.concat([header, frame, frame]));
}

/** Writes a wav file of beeps at `hz` and returns its path. Beeps, since noise suppression takes a steady tone for noise. */
export function microphone(folder: string, hz: number): string {
  const length = SAMPLES_PER_SECOND * 2;
  const data = Buffer.alloc(length * 2);
  for (let at = 0; at < length; at++) {
    const seconds = at / SAMPLES_PER_SECOND;
    const within = seconds % 0.5;
    const loudness = within < 0.3 ? Math.sin((Math.PI * within) / 0.3) : 0;
    data.writeInt16LE(Math.round(loudness * 0.6 * 32_767 * Math.sin(2 * Math.PI * hz * seconds)), at * 2);
  }
  return write(folder, `microphone-${hz}.wav`, Buffer.concat([wavHeader(data.length), data]));
}

function wavHeader(bytes: number): Buffer {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // mono
  header.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  header.writeUInt32LE(SAMPLES_PER_SECOND * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(bytes, 40);
  return header;
}

/** BT.601, limited range: what a camera delivers. */
function toYuv([r, g, b]: Colour): [number, number, number] {
  const y = 16 + 0.257 * r + 0.504 * g + 0.098 * b;
  const u = 128 - 0.148 * r - 0.291 * g + 0.439 * b;
  const v = 128 + 0.439 * r - 0.368 * g - 0.071 * b;
  return [Math.round(y), Math.round(u), Math.round(v)];
}

function write(folder: string, name: string, data: Buffer): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}
