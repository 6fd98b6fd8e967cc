// Single keys as shortcuts. They work when nothing is being typed and no dialog is open, and can be switched off in the settings.

export type Command = "microphone" | "camera" | "screen" | "hand" | "chat" | "people" | "help";

export const SHORTCUTS: readonly { key: string; command: Command }[] = [
  { key: "m", command: "microphone" },
  { key: "v", command: "camera" },
  { key: "s", command: "screen" },
  { key: "h", command: "hand" },
  { key: "c", command: "chat" },
  { key: "p", command: "people" },
  { key: "?", command: "help" },
];

/** What a key event asks for; null: nothing of ours. */
export function commandFor(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat" | "isComposing">,
): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return null;
  return SHORTCUTS.find(({ key }) => key === event.key.toLowerCase())?.command ?? null;
}

/** The key goes to something that takes text or choices. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog") !== null;
}

/** Space presses buttons and follows links when it is on one. */
export function takesSpace(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, summary, [role=log]") !== null;
}

/** Page Up and Page Down turn the pages of the stage, unless something else scrolls by them; so do the arrows where nothing else
 * has the focus. 0: neither. */
export function pagesTurned(event: KeyboardEvent): -1 | 0 | 1 {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || target.closest("aside, dialog")) return 0;
  const rtl = getComputedStyle(document.documentElement).direction === "rtl";
  const across = target === document.body || target.closest("nav") ? 1 : 0;
  switch (event.key) {
    case "PageUp":
      return -1;
    case "PageDown":
      return 1;
    case "ArrowLeft":
      return across && (rtl ? 1 : -1);
    case "ArrowRight":
      return across && (rtl ? -1 : 1);
    default:
      return 0;
  }
}
