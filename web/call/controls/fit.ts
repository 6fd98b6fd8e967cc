// Which controls stay in the row when it is narrow; the others move into the "More" menu and keep their names.

export type ControlId = "microphone" | "camera" | "screen" | "hand" | "chat" | "people" | "settings";

/** In the order of the row. */
export const ORDER: readonly ControlId[] = ["microphone", "camera", "screen", "hand", "chat", "people", "settings"];
/** Kept longest first. */
const IMPORTANCE: readonly ControlId[] = ["microphone", "camera", "chat", "hand", "people", "screen", "settings"];

/** A button and the gap after it, in pixels; "Leave" is always there, with its word when all fit. */
const NARROW = 48 + 8;
const WIDE = 52 + 10;
const LEAVE_WITH_WORD = 132;

export interface Fit {
  row: ControlId[];
  more: ControlId[];
  wide: boolean;
}

/** What fits into a row of `width` pixels. */
export function fit(width: number): Fit {
  if (width >= ORDER.length * WIDE + LEAVE_WITH_WORD) return { row: [...ORDER], more: [], wide: true };
  const places = Math.floor((width + 8) / NARROW) - 1;
  if (places >= ORDER.length) return { row: [...ORDER], more: [], wide: false };
  const kept = IMPORTANCE.slice(0, Math.max(2, places - 1));
  return { row: ORDER.filter((id) => kept.includes(id)), more: ORDER.filter((id) => !kept.includes(id)), wide: false };
}
