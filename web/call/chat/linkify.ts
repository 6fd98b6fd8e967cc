// Finds addresses in what people write. Only http and https become links, the text stays as it was written, and no HTML is made:
// the caller renders the pieces as text and <a> elements.

export type Piece = { kind: "text"; text: string } | { kind: "link"; text: string; href: string; host: string | null };

// An address ends at white space, at quotes and angle brackets, and at characters that change the direction or are invisible:
// what is shown must be what is opened.
const CANDIDATE =
  // eslint-disable-next-line no-control-regex
  /(?<![\p{L}\p{N}_])https?:\/\/[^\s<>"“”«»`\\\u0000-\u001f\u007f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+/giu;

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const written = withoutTrailing(match[0]);
    const url = safeUrl(written);
    if (!url) continue;
    if (match.index > done) pieces.push({ kind: "text", text: text.slice(done, match.index) });
    pieces.push({ kind: "link", text: written, href: url.href, host: otherHost(written, url) });
    done = match.index + written.length;
  }
  if (done < text.length) pieces.push({ kind: "text", text: text.slice(done) });
  return pieces;
}

/** A sentence's own punctuation is not part of the address; a bracket is when its partner is. */
function withoutTrailing(candidate: string): string {
  let end = candidate.length;
  while (end > 0) {
    const last = candidate[end - 1] ?? "";
    if (/[.,;:!?'’…*_~|]/u.test(last)) end -= 1;
    else if (")]}".includes(last) && unbalanced(candidate.slice(0, end), last)) end -= 1;
    else break;
  }
  return candidate.slice(0, end);
}

function unbalanced(text: string, closing: string): boolean {
  const opening = { ")": "(", "]": "[", "}": "{" }[closing] ?? "";
  return text.split(closing).length > text.split(opening).length;
}

/** Null for what is not an address, or hides where it leads behind a user name. */
function safeUrl(written: string): URL | null {
  const url = URL.canParse(written) ? new URL(written) : null;
  const safe = url && (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password && url.hostname;
  return safe ? url : null;
}

/** The host as the browser will ask for it, where that is not what was written (look-alike letters, say). */
function otherHost(written: string, url: URL): string | null {
  return written.toLowerCase().includes(url.hostname) ? null : url.hostname;
}

/** Nothing but a few emoji: shown larger. */
export function isEmojiOnly(text: string): boolean {
  const bare = text.replace(/\s/gu, "");
  if (!bare || bare.length > 60) return false;
  const emoji =
    /^(?:\p{Regional_Indicator}{2}|[0-9#*]\ufe0f?\u20e3|\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u200d\ufe0f\u{e0020}-\u{e007f}])+$/u;
  return emoji.test(bare) && [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(bare)].length <= 6;
}
