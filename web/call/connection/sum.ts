// What comes through the server, of all people together.
import type { LinkSample } from "../../sdk";

/** One history of those who come through the server now: what each sends is added up, the rest is the same for all of them. */
export function sum(histories: readonly (readonly LinkSample[])[]): LinkSample[] {
  const [longest, ...others] = histories.filter((history) => history.at(-1)?.via === "server").sort((a, b) => b.length - a.length);
  if (!longest) return [];
  // Readings are taken of all at once, so that the last ones belong together, and those before them.
  return longest.map((sample, index) => {
    const back = index - longest.length;
    const together = others.map((history) => history.at(back)).filter((other) => other !== undefined);
    return { ...sample, kbitsIn: together.reduce((all, other) => all + other.kbitsIn, sample.kbitsIn) };
  });
}
