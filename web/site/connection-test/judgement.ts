// What the outcomes mean: how each stands, and whether a call will work from here. Pure; it names sentences by their ids.
import { NETWORK, type Outcome, type Outcomes, type RelayTransport, type SpeedOutcome } from "./outcome";

/** `trouble`: it works, but something needs another look. `absent`: not offered, or nothing to be said. */
export type Standing = "works" | "trouble" | "blocked" | "absent" | "skipped";

export interface Verdict {
  level: "good" | "fair" | "bad";
  headline: string;
  /** What to expect and what to do, in this order. */
  notes: string[];
}

/** Above this, pictures freeze now and then whatever the browsers do about it. */
export const LOSS_PERCENT = 5;

/**
 * What a speed, in kbit/s each way, is enough for. A camera gets 1,700 in a call of two and 500 in one of five
 * (sdk/transport/encoding.ts), and pictures shrink where there is less.
 */
const ENOUGH = [
  { kbps: 2_400, for: "eight" },
  { kbps: 1_000, for: "four" },
  { kbps: 300, for: "two" },
  { kbps: 100, for: "sound" },
] as const;

export type EnoughFor = (typeof ENOUGH)[number]["for"] | "nothing";

export function enoughFor(kbps: number): EnoughFor {
  return ENOUGH.find((step) => kbps >= step.kbps)?.for ?? "nothing";
}

export function standing(outcome: Outcome): Standing {
  switch (outcome.is) {
    case "works":
      return "kbps" in outcome && isPoor(outcome) ? "trouble" : "works";
    case "dark":
    case "silent":
    case "too_often":
    case "failed":
      return "trouble";
    case "absent":
    case "unreachable":
      return "absent";
    case "skipped":
      return "skipped";
    default:
      return "blocked";
  }
}

/** Whether a call will work. Null until every test of the network has been made. */
export function verdict(outcomes: Partial<Outcomes>, relayOnly: boolean): Verdict | null {
  if (NETWORK.some((test) => outcomes[test] === undefined)) return null;
  const all = outcomes as Pick<Outcomes, (typeof NETWORK)[number]> & Partial<Outcomes>;
  const network = way(all, relayOnly);
  if (network.level === "bad") return network;
  const notes = [...network.notes, ...ofSpeed(all.speed), ...ofDevices(all)];
  const fair = notes.some((note) => TROUBLING.has(note));
  return { level: fair ? "fair" : network.level, headline: network.headline, notes };
}

/** Notes that make less of a good verdict. */
const TROUBLING = new Set(["test-note-slow", "test-note-loss", "test-note-camera", "test-note-microphone"]);

type Network = Pick<Outcomes, (typeof NETWORK)[number]>;

/** By which way the others will be reached. */
function way({ socket, stun, udp, tcp, tls }: Network, relayOnly: boolean): Verdict {
  const relays = { udp, tcp, tls };
  const through = best(relays);
  const all = Object.values(relays);
  const [offered, odd] = [all.some(({ is }) => is !== "absent"), all.some(({ is }) => is === "broken" || is === "refused")];
  if (stun.is === "unsupported") return bad("test-verdict-unsupported");
  if (socket.is === "blocked" || socket.is === "mute") return bad("test-verdict-socket", "test-ask-socket");
  if ([stun, ...all].some(({ is }) => is === "failed") && !through) return bad("test-verdict-unknown");

  if (stun.is === "works" && !relayOnly) {
    if (through) return { level: "good", headline: "test-verdict-direct", notes: ["test-note-relay"] };
    const notes = offered ? [odd ? "test-ask-operator" : "test-ask-network"] : ["test-note-no-relay"];
    return { level: "fair", headline: "test-verdict-most", notes };
  }
  if (through === "udp") {
    return { level: "good", headline: "test-verdict-udp", notes: [relayOnly ? "test-note-always" : "test-note-not-direct"] };
  }
  if (through) return { level: "fair", headline: `test-verdict-${through}`, notes: ["test-ask-udp"] };
  if (!offered) return relayOnly ? bad("test-verdict-unknown") : bad("test-verdict-near", "test-ask-no-relay");
  return odd ? bad("test-verdict-relay", "test-ask-operator") : bad("test-verdict-blocked", "test-ask-network");
}

/** The relay that calls would use: UDP before TCP before TLS. */
export function best(relays: Partial<Pick<Outcomes, RelayTransport>>): RelayTransport | null {
  return (["udp", "tcp", "tls"] as const).find((transport) => relays[transport]?.is === "works") ?? null;
}

function bad(headline: string, ...notes: string[]): Verdict {
  return { level: "bad", headline, notes };
}

function ofSpeed(speed: SpeedOutcome): string[] {
  if (speed.is !== "works") return [];
  const notes = ["sound", "nothing"].includes(enoughFor(speed.kbps)) ? ["test-note-slow"] : [];
  return speed.lossPercent >= LOSS_PERCENT ? [...notes, "test-note-loss"] : notes;
}

function ofDevices({ camera, microphone }: Partial<Outcomes>): string[] {
  const isTrouble = (outcome?: Outcome) => outcome !== undefined && ["trouble", "blocked"].includes(standing(outcome));
  return [...(isTrouble(camera) ? ["test-note-camera"] : []), ...(isTrouble(microphone) ? ["test-note-microphone"] : [])];
}

function isPoor({ kbps, lossPercent }: Extract<SpeedOutcome, { is: "works" }>): boolean {
  return lossPercent >= LOSS_PERCENT || ["sound", "nothing"].includes(enoughFor(kbps));
}
