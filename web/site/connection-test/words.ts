// What an outcome is in words: one for how it stands, and a sentence or two for what it means and what to do.
import catalogue from "../../i18n/en/connection-test.ftl?compiled&raw";
import { translator } from "../../i18n/format";
import { enoughFor, LOSS_PERCENT, standing, type Verdict } from "./judgement";
import type { Outcomes, SpeedOutcome, Test } from "./outcome";

export const t = translator(catalogue);

/** Where the server is, for those who have to ask somebody to open a way to it. */
export interface Place {
  host: string;
  port: string;
}

/** "Works", "Blocked", …: beside the sign, which says the same. */
export function stateWord<T extends Test>(test: T, outcome: Outcomes[T]): string {
  const is = standing(outcome);
  // What does not work is not always stopped by something.
  const stopped = ["blocked", "mute", "denied"].includes(outcome.is);
  if (is === "blocked") return t(stopped ? "test-state-blocked" : "test-state-none");
  return t(is === "absent" && test === "speed" ? "test-state-unmeasured" : `test-state-${is}`);
}

/** What it means, and what to do. */
export function explanation<T extends Test>(test: T, outcome: Outcomes[T], place: Place): string {
  if (test === "speed") return speedWords(outcome as SpeedOutcome);
  if (test === "camera" && "width" in outcome) {
    return t("test-camera-works", { width: String(outcome.width), height: String(outcome.height) });
  }
  const ms = "rttMs" in outcome ? { ms: Math.max(1, Math.round(outcome.rttMs)) } : {};
  const code = "code" in outcome ? { code: String(outcome.code) } : {};
  const family = test === "udp" || test === "tcp" || test === "tls" ? "relay" : test;
  return t(`test-${family}-${outcome.is}`, { over: test, ...ms, ...code, ...place });
}

/** A verdict in words. */
export interface Said {
  level: Verdict["level"];
  headline: string;
  notes: string[];
}

export function said({ level, headline, notes }: Verdict, place: Place): Said {
  return { level, headline: t(headline), notes: notes.map((id) => t(id, { ...place })) };
}

function speedWords(outcome: SpeedOutcome): string {
  if (outcome.is !== "works") return t(`test-speed-${outcome.is}`);
  const { kbps, lossPercent: loss, over } = outcome;
  const figures = t("test-speed-works", { kbps, loss, over, most: outcome.most ? "yes" : "no" });
  const enough = t(`test-speed-${enoughFor(kbps)}`);
  return [figures, enough, ...(loss >= LOSS_PERCENT ? [t("test-speed-lossy")] : [])].join(" ");
}
