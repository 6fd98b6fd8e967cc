// The report for whoever helps: plain text, with nothing secret and nobody else's data, and the own address only if asked for.
import { TESTS, type Outcomes, type Test } from "./outcome";
import { explanation, type Place, type Said, stateWord, t } from "./words";

export interface Facts {
  server: string;
  place(test: Test): Place;
  at: Date;
  browser: string;
  outcomes: Partial<Outcomes>;
  verdict: Said | null;
  kinds: string;
  /** Only there if the person wants it to be. */
  address?: string | null;
}

export function report({ server, place, at, browser, outcomes, verdict, kinds, ...facts }: Facts): string {
  const line = (name: string, value: string) => `${t(name)}: ${value}`;
  const results = TESTS.flatMap((test) => {
    const outcome = outcomes[test];
    if (outcome === undefined) return [line(`test-${test}`, t("test-state-waiting"))];
    return [`${line(`test-${test}`, stateWord(test, outcome))}. ${explanation(test, outcome, place(test))}`];
  });
  const address = "address" in facts ? [line("test-report-public", facts.address ?? t("test-report-public-unknown"))] : [];
  const result = verdict ? ["", line("test-report-result", [verdict.headline, ...verdict.notes].join(" "))] : [];
  return [
    t("test-report-title"),
    line("test-report-server", server),
    line("test-report-time", `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`),
    line("test-report-browser", browser),
    "",
    ...results,
    line("test-report-kinds", kinds || t("test-report-kinds-none")),
    ...address,
    ...result,
    "",
  ].join("\n");
}

/** The browser's and the system's name and version, from what it says of itself: "Firefox 140, Linux x86_64". */
export function browserName(agent: string): string {
  const found = NAMES.map(([name, pattern]) => [name, pattern.exec(agent)?.[1]] as const).find(([, version]) => version !== undefined);
  const system = SYSTEMS.find(([, pattern]) => pattern.test(agent))?.[0];
  return [found ? found.join(" ") : "?", system ?? "?"].join(", ");
}

/** The first that fits: most say that they are one of the later ones, too. */
const NAMES: readonly [string, RegExp][] = [
  ["Edge", /\bEdg(?:A|iOS)?\/(\d+)/],
  ["Opera", /\bOPR\/(\d+)/],
  ["Samsung Internet", /\bSamsungBrowser\/(\d+)/],
  ["Firefox", /\b(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /\b(?:Headless)?(?:Chrome|CriOS)\/(\d+)/],
  ["Safari", /\bVersion\/(\d+(?:\.\d+)?).* Safari\//],
];

const SYSTEMS: readonly [string, RegExp][] = [
  ["Android", /Android/],
  ["iOS", /iPhone|iPad|iPod/],
  ["Windows", /Windows/],
  ["macOS", /Macintosh/],
  ["ChromeOS", /CrOS/],
  ["Linux", /Linux/],
];
