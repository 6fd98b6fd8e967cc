// How a person without a picture looks: initials, and a hue that is theirs.

/** One or two letters, as the person would write them: whole graphemes, upper case where the script has it. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/\s+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, ""))
    .filter(Boolean);
  const [first = "", last = ""] = [words[0], words.length > 1 ? words.at(-1) : ""];
  return (grapheme(first) + grapheme(last)).toLocaleUpperCase();
}

function grapheme(word: string): string {
  if (!word) return "";
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  return first?.segment ?? "";
}

/** A warm hue in degrees, from rose over ember to amber, the same for the same name everywhere. */
export function hue(name: string): number {
  let hash = 2166136261;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
  // Mixed once more: short names differ only in the low bits.
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
  return (355 + (((hash ^ (hash >>> 13)) >>> 0) % 85)) % 360;
}
