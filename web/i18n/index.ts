// Sentences for people come from the Fluent catalogues beside this file (compiled by compile.ts); code names them by id.
// These are the call page's; what else a page needs to read a catalogue is in format.ts.
import call from "./en/call.ftl?compiled&raw";
import { type Catalogue, LANGUAGE, translator } from "./format";

export type { Args, Catalogue } from "./format";

const catalogue: Record<string, Catalogue[string]> = { ...call };

/** The sentence `id` with its arguments filled in. */
export const t = translator(catalogue);

/** Adds the sentences of a part of the page that is loaded when it is needed. */
export function learn(words: Catalogue): void {
  Object.assign(catalogue, words);
}

/** The hour and the minute, as the person's own settings write them. */
export function clock(at: number): string {
  return hourAndMinute.format(at);
}

/** A day in words: "Monday, 23 November". */
export function day(at: number): string {
  return wholeDay.format(at);
}

const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const wholeDay = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", day: "numeric", month: "long" });
