// All that is known of the connections, as text to be pasted into a message. It names people as the call does, and this server's
// own addresses, but neither the meeting's link nor where anybody else is.
import type { Diagnosis, LinkSample, Participant, RoomState, Uplink } from "../../sdk";
import { t } from "../../i18n";
import { milliseconds, percent, quality, rate, way } from "./words";

export interface Known {
  at: Date;
  browser: string;
  online: boolean;
  state: RoomState;
  uplink: Uplink;
  /** Null: it could not be found out. */
  diagnosis: Diagnosis | null;
  people: readonly { person: Pick<Participant, "name" | "connection" | "quality">; history: readonly LinkSample[] }[];
}

export function report({ at, browser, online, state, uplink, diagnosis, people }: Known): string {
  const sent = rate(uplink.kbits);
  const lines = [
    t("report-title"),
    at.toISOString(),
    t("report-browser", { browser }),
    t("report-network", { state: t(online ? "report-online" : "report-offline") }),
    t("report-server", { state: state.kind }),
    t("report-upload", { rate: uplink.limited ? t("report-limited", { rate: sent, what: uplink.limited }) : sent }),
    ...(diagnosis ? gathered(diagnosis) : []),
    ...people.flatMap(({ person, history }) => ["", ...about(person, history)]),
  ];
  // The marks that keep a right-to-left name from turning a sentence are for pages.
  return `${lines.join("\n").replace(/[\u2068\u2069]/g, "")}\n`;
}

function gathered({ kind, tried, found }: Diagnosis): string[] {
  const words = (...parts: (string | number | null | undefined)[]) => parts.filter(Boolean).join(" ");
  return [
    t("report-diagnosis", { kind }),
    ...tried.map(({ url, outcome, code, text }) => t("report-tried", { url, outcome: words(outcome, code, text) })),
    t("report-found", { kinds: found.map(({ kind, transport }) => words(kind, transport)).join(", ") || "-" }),
  ];
}

function about({ name, connection, quality: how }: Pick<Participant, "name" | "connection" | "quality">, history: readonly LinkSample[]) {
  const last = history.at(-1) ?? null;
  const series = (what: string, value: (sample: LinkSample) => number | null) => {
    const list = history.map((sample) => (sample.path === null ? "-" : (value(sample) ?? "-")));
    return t("report-history", { what: t(what), list: list.join(" ") });
  };
  return [
    t("report-person", { name, state: connection, quality: quality(how) }),
    t("report-way", {
      way: way(last, connection),
      rtt: milliseconds(last?.rtt),
      loss: percent(last?.loss),
      jitter: milliseconds(last?.jitter),
      in: rate(last?.kbitsIn ?? 0),
      out: rate(last?.kbitsOut ?? 0),
    }),
    series("report-in", ({ kbitsIn }) => kbitsIn),
    series("report-out", ({ kbitsOut }) => kbitsOut),
    series("report-rtt", ({ rtt }) => rtt && Math.round(rtt)),
    series("report-loss", ({ loss }) => loss && Math.round(loss * 1000) / 10),
  ];
}
