// Numbers and states of a connection in words.
import type { Diagnosis, LinkSample, Participant, Quality, Uplink } from "../../sdk";
import { t } from "../../i18n";
import { gaps } from "./plot";

/** How somebody is reached: "Direct", "Through the relay, TCP". */
export function way(link: Pick<LinkSample, "path" | "transport"> | null, connection: Participant["connection"]): string {
  if (link?.path === "relay") return t(link.transport ? RELAYED[link.transport] : "way-relay");
  // A direct path is UDP nearly always, and "UDP" says nothing to most people.
  if (link?.path === "direct") return t(link.transport === "tcp" ? "way-direct-tcp" : "way-direct");
  return t(connection === "failed" ? "way-none" : "way-finding");
}

const RELAYED = { udp: "way-relay-udp", tcp: "way-relay-tcp", tls: "way-relay-tls" };

export function milliseconds(ms: number | null | undefined): string {
  if (typeof ms !== "number") return t("number-none");
  // Within one house it takes less than a millisecond.
  return t("number-ms", { ms: ms < 1 ? Math.max(0.1, tenths(ms)) : Math.round(ms) });
}

/** A part of 1 in percent; small ones with a decimal, since one packet in two hundred can be heard. */
export function percent(part: number | null | undefined): string {
  if (typeof part !== "number") return t("number-none");
  const percent = part * 100;
  return t("number-percent", { percent: percent < 10 ? tenths(percent) : Math.round(percent) });
}

export function rate(kbits: number): string {
  return kbits < 1000 ? t("number-kbit", { rate: Math.round(kbits) }) : t("number-mbit", { rate: tenths(kbits / 1000) });
}

export function quality(quality: Quality): string {
  return t(QUALITIES[quality]);
}

const QUALITIES: Record<Quality, string> = {
  good: "quality-good-short",
  fair: "quality-fair-short",
  poor: "quality-poor-short",
  lost: "quality-lost-short",
};

/** Why our picture is sent smaller than it could be; null: it is not. */
export function limit(limited: Uplink["limited"]): string | null {
  return limited && t(limited === "cpu" ? "connection-processor" : "connection-bandwidth");
}

/** Why somebody cannot be reached, and what to do. */
export function trouble(kind: Diagnosis["kind"], name: string): string {
  return t(TROUBLES[kind], { name });
}

const TROUBLES: Record<Diagnosis["kind"], string> = {
  udp_blocked: "trouble-udp",
  relay_unreachable: "trouble-relay",
  all_blocked: "trouble-all",
  peer_unreachable: "trouble-peer",
  no_relay: "trouble-no-relay",
  unknown: "trouble-unknown",
};

/** The plot for those who do not see it. */
export function plotWords(history: readonly LinkSample[]): string {
  const there = history.filter((sample) => sample.path !== null);
  if (there.length === 0) return t("plot-empty");
  const [into, out] = [there.map((sample) => sample.kbitsIn), there.map((sample) => sample.kbitsOut)];
  const words = t("plot-words", {
    inLeast: rate(Math.min(...into)),
    inMost: rate(Math.max(...into)),
    outLeast: rate(Math.min(...out)),
    outMost: rate(Math.max(...out)),
  });
  const count = gaps(history.map((sample) => sample.path));
  return count > 0 ? `${words} ${t("plot-words-gaps", { count })}` : words;
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
