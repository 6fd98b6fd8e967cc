// How well somebody comes through, in one word that does not flicker. Pure: readings in, a judgement out.
import type { LinkStats } from "../stats";

/** `lost`: nothing arrives. */
export type Quality = "good" | "fair" | "poor" | "lost";

const STEPS = ["good", "fair", "poor", "lost"] as const satisfies readonly Quality[];

/** From here on it is no longer good, or it is poor. */
const BOUNDS = {
  /** Opus and the picture's repair hide 2 % of loss; at 8 % both are heard and seen. */
  loss: [0.02, 0.08],
  /** Ms. People begin to talk over each other at a third of a second, one way and back; at 0.6 s a talk is hard work (ITU-T G.114). */
  rtt: [300, 600],
  /** Ms. What the browser's buffers take without a word being stretched, and what they don't. */
  jitter: [50, 120],
  /** Pictures that stood still within two seconds. */
  freezes: [1, 2],
} as const;

/** So many readings in a row make it worse, so many better: a mark that comes late is less of a nuisance than one that blinks. */
const WORSE_AFTER = 2;
const BETTER_AFTER = 3;

/** One reading by itself. */
export function rate({ loss, rtt, jitter, freezes }: Pick<LinkStats, "loss" | "rtt" | "jitter"> & { freezes: number }): Quality {
  const values = { loss, rtt, jitter, freezes };
  const step = (key: keyof typeof BOUNDS): number => BOUNDS[key].filter((bound) => (values[key] ?? 0) >= bound).length;
  return STEPS[Math.max(step("loss"), step("rtt"), step("jitter"), step("freezes"))]!;
}

export function best(qualities: readonly Quality[]): Quality {
  return STEPS.find((step) => qualities.includes(step)) ?? "lost";
}

export interface Judgement {
  readonly quality: Quality;
  /** The last readings, all of them better or all of them worse than that. */
  readonly against: readonly Quality[];
}

/** Before anything was read. */
export const UNTESTED: Judgement = { quality: "good", against: [] };

export function judge({ quality, against }: Judgement, now: Quality): Judgement {
  // That nothing arrives is certain, and so is that something does again.
  if (now === "lost" || quality === "lost") return { quality: now, against: [] };
  const [was, is] = [STEPS.indexOf(quality), STEPS.indexOf(now)];
  if (was === is) return { quality, against: [] };
  const worse = is > was;
  const steps = [...against.map((other) => STEPS.indexOf(other)).filter((other) => other > was === worse), is];
  if (steps.length < (worse ? WORSE_AFTER : BETTER_AFTER)) return { quality, against: steps.map((step) => STEPS[step]!) };
  // As far as all of them agree.
  return { quality: STEPS[worse ? Math.min(...steps) : Math.max(...steps)]!, against: [] };
}
