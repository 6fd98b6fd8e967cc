// Whether sending to each of the others is too much for our line or our machine. Pure: readings in, a judgement out.
import type { Strain, Topology } from "../protocol.gen";
import type { Reading } from "../stats";
import { capFor } from "../transport/encoding";

/** For so long on end it must be so. In the first seconds of a call it always is. */
const LASTING_MS = 10_000;
/** A picture of this part of what it might be is small. */
const SMALL = 0.5;
/** And the line is short if it is thought to carry less than this part of what one picture may take. (Chromium says that it is limited
 * by its bandwidth also where it is our own limit that it keeps to.) */
const SHORT = 0.4;
/** More than what is needed: estimates are hopeful. */
const ROOM = 1.3;

export interface Effort {
  now: number;
  topology: Topology;
  /** People besides us. */
  others: number;
  /** Of our camera's picture, the shorter side; null: it is off. */
  camera: number | null;
  /** What each of our connections was read as. */
  readings: readonly Pick<Reading, "limited" | "sent" | "capacity">[];
}

export interface Gauge {
  readonly strained: Strain | null;
  /** For how many others it was too much. */
  readonly others: number;
  /** What the readings have said lately, if not that, and since when. */
  readonly turning: { to: Strain | null; since: number } | null;
}

export const RELAXED: Gauge = { strained: null, others: 0, turning: null };

export function gauge(before: Gauge, effort: Effort): Gauge {
  const seen = effort.topology === "mesh" ? inMesh(effort) : byServer(before, effort);
  if (seen === before.strained) return { ...before, turning: null };
  const since = before.turning && before.turning.to === seen ? before.turning.since : effort.now;
  if (effort.now - since < LASTING_MS) return { ...before, turning: { to: seen, since } };
  return { strained: seen, others: effort.others, turning: null };
}

function inMesh({ others, camera, readings }: Effort): Strain | null {
  if (others < 2 || camera === null) return null;
  const cap = capFor("camera", others);
  const most = Math.min(camera, cap.size?.[1] ?? camera);
  const isSmall = (sent: number | null): boolean => sent !== null && sent <= most * SMALL;
  const isShort = (capacity: number | null): boolean => capacity !== null && capacity * 1000 < cap.bitrate * SHORT;
  if (readings.some(({ limited, sent, capacity }) => limited === "bandwidth" && isSmall(sent) && isShort(capacity))) return "upload";
  return readings.some(({ limited }) => limited === "cpu") ? "processor" : null;
}

/** It cannot be tried: it stands until there are fewer people, or the line has proved to carry more. */
function byServer({ strained, others }: Gauge, effort: Effort): Strain | null {
  if (strained === null || effort.others < others) return null;
  const needed = (effort.others * capFor("camera", effort.others).bitrate * ROOM) / 1000;
  const carries = effort.readings.some(({ capacity }) => capacity !== null && capacity >= needed);
  return strained === "upload" && carries ? null : strained;
}
