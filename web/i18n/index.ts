// Sentences for people come from the Fluent catalogues beside this file; code names them by id.
import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";
import call from "./en/call.ftl?raw";

// Isolation is ours (see `isolate`): Fluent's own would put invisible characters into every name, also where nothing needs them.
const bundle = new FluentBundle("en", { useIsolating: false });
bundle.addResource(new FluentResource(call));

/** The sentence `id` with its arguments filled in. An unknown id gives the id itself, so that a slip is visible and harmless. */
export function t(id: string, args?: Record<string, FluentVariable>): string {
  const pattern = bundle.getMessage(id)?.value;
  return pattern ? bundle.formatPattern(pattern, args && isolated(args), []) : id;
}

function isolated(args: Record<string, FluentVariable>): Record<string, FluentVariable> {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, typeof value === "string" ? isolate(value) : value]));
}

/** Keeps a right-to-left name from turning the sentence around it (Unicode UAX #9: first strong isolate). */
function isolate(value: string): string {
  return /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u202a-\u202e\u2066-\u2069]/u.test(value)
    ? `\u2068${value}\u2069`
    : value;
}

/** The hour and the minute, as the person's own settings write them. */
export function clock(at: number): string {
  return hourAndMinute.format(at);
}

/** A day in words: "Monday, 23 November". */
export function day(at: number): string {
  return wholeDay.format(at);
}

const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const wholeDay = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
