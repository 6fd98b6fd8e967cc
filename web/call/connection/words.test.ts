import { beforeAll, expect, test } from "vitest";
import type { LinkSample } from "../../sdk";
import catalogue from "../../i18n/en/connection.ftl?compiled&raw";
import { learn } from "../../i18n";
import { limit, milliseconds, percent, plotWords, quality, rate, trouble, way } from "./words";

beforeAll(() => learn(catalogue));

const sample = (part: Partial<LinkSample> = {}): LinkSample => ({
  at: 0,
  quality: "good",
  kbitsIn: 0,
  kbitsOut: 0,
  rtt: 20,
  loss: 0,
  jitter: 1,
  path: "direct",
  transport: "udp",
  ...part,
});
const away = sample({ path: null, transport: null, rtt: null, loss: null, jitter: null, quality: "lost" });

test("the kind of a connection", () => {
  expect(way(sample(), "connected")).toBe("Direct");
  expect(way(sample({ transport: null }), "connected")).toBe("Direct");
  expect(way(sample({ transport: "tcp" }), "connected")).toBe("Direct, over TCP");
  expect(way(sample({ path: "relay" }), "connected")).toBe("Through the relay, UDP");
  expect(way(sample({ path: "relay", transport: "tcp" }), "connected")).toBe("Through the relay, TCP");
  expect(way(sample({ path: "relay", transport: "tls" }), "connected")).toBe("Through the relay, TLS");
  expect(way(sample({ path: "relay", transport: null }), "connected")).toBe("Through the relay");
  expect(way(null, "connecting")).toBe("Looking for a way…");
  expect(way(away, "reconnecting")).toBe("Looking for a way…");
  expect(way(away, "failed")).toBe("No way yet");
});

test("times, in milliseconds that say something", () => {
  expect(milliseconds(24.4)).toBe("24 ms");
  expect(milliseconds(0.31)).toBe("0.3 ms");
  expect(milliseconds(0)).toBe("0.1 ms");
  expect(milliseconds(1240)).toBe("1,240 ms");
  expect(milliseconds(null)).toBe("–");
  expect(milliseconds(undefined)).toBe("–");
});

test("losses, with a decimal while they are small", () => {
  expect(percent(0)).toBe("0%");
  expect(percent(0.0049)).toBe("0.5%");
  expect(percent(0.034)).toBe("3.4%");
  expect(percent(0.1249)).toBe("12%");
  expect(percent(1)).toBe("100%");
  expect(percent(null)).toBe("–");
});

test("rates, in the unit that keeps them short", () => {
  expect(rate(0)).toBe("0 kbit/s");
  expect(rate(823.6)).toBe("824 kbit/s");
  expect(rate(999)).toBe("999 kbit/s");
  expect(rate(1000)).toBe("1 Mbit/s");
  expect(rate(1449)).toBe("1.4 Mbit/s");
});

test("qualities and limits", () => {
  expect((["good", "fair", "poor", "lost"] as const).map(quality)).toEqual(["Good", "Fair", "Poor", "Interrupted"]);
  expect(limit(null)).toBeNull();
  expect(limit("cpu")).toMatch(/device is busy/);
  expect(limit("bandwidth")).toMatch(/network does not take more/);
});

test("every kind of trouble says what one may do", () => {
  const kinds = ["udp_blocked", "all_blocked", "relay_unreachable", "no_relay", "peer_unreachable", "unknown"] as const;
  const said = kinds.map((kind) => trouble(kind, "Ben"));
  expect(new Set(said).size).toBe(kinds.length);
  for (const words of said) expect(words).toMatch(/try another network|connection test/i);
  expect(trouble("all_blocked", "Ben")).toBe(
    "Your network blocks UDP and TCP to the relay. Ask whoever runs this server to open port 443, or try another network.",
  );
  expect(trouble("peer_unreachable", "Ben")).toContain("Ben");
});

test("the plot in words", () => {
  const steady = [sample({ kbitsIn: 800, kbitsOut: 300 }), sample({ kbitsIn: 1500, kbitsOut: 600 })];
  expect(plotWords([])).toBe("Nothing has been measured yet.");
  expect(plotWords([away])).toBe("Nothing has been measured yet.");
  expect(plotWords(steady)).toBe("Last two minutes: in between 800 kbit/s and 1.5 Mbit/s, out between 300 kbit/s and 600 kbit/s.");
  expect(plotWords([...steady, away, away])).toMatch(/Interrupted once\.$/);
  expect(plotWords([...steady, away, ...steady, away])).toMatch(/Interrupted 2 times\.$/);
});
