// When to look for a direct way instead of the relay's. Pure.

/** After the relay was taken, and after each attempt; then always the last. Whatever kept two apart mostly goes on doing so. */
const PAUSES_MS = [20_000, 60_000, 300_000, 600_000] as const;

export interface Detour {
  /** When the next attempt is due. */
  readonly next: number;
  /** Attempts so far. */
  readonly tries: number;
}

/** What to remember, and whether to try now. `before`: null on the first sight of the detour. */
export function detourAt(before: Detour | null, now: number): { detour: Detour; due: boolean } {
  if (before && now < before.next) return { detour: before, due: false };
  const tries = before ? before.tries + 1 : 0;
  const pause = PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)]!;
  return { detour: { next: now + pause, tries }, due: before !== null };
}
