// How a compiled catalogue is read: arguments filled in, plurals chosen, right-to-left names kept from turning the sentence.

export const LANGUAGE = "en";

export type Args = Readonly<Record<string, string | number>>;

/** What compiled messages ask of the page. */
export interface Formatter {
  show(value: string | number | undefined): string;
  /** The variant for this number's exact value or plural category, or for this word; else the one named `other`. */
  choose(value: string | number | undefined, variants: Readonly<Record<string, string>>, other: string): string;
}

export type Catalogue = Readonly<Record<string, string | ((args: Args, format: Formatter) => string)>>;

/** Sentences of a catalogue by their ids. An unknown id gives the id itself, so that a slip is visible and harmless. */
export function translator(catalogue: Catalogue): (id: string, args?: Args) => string {
  return (id, args = {}) => {
    const message = catalogue[id] ?? id;
    return typeof message === "string" ? message : message(args, formatter);
  };
}

const plurals = new Intl.PluralRules(LANGUAGE);
const numbers = new Intl.NumberFormat(LANGUAGE);

const formatter: Formatter = {
  show: (value) => (typeof value === "number" ? numbers.format(value) : isolate(value ?? "")),
  choose: (value, variants, other) =>
    variants[String(value)] ?? (typeof value === "number" ? variants[plurals.select(value)] : undefined) ?? variants[other] ?? "",
};

/** Keeps a right-to-left name from turning the sentence around it (Unicode UAX #9: first strong isolate). Others are left as they are. */
function isolate(value: string): string {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u.test(value) ? `\u2068${value}\u2069` : value;
}
