// Short sentences that come and go: shown as toasts and said by screen readers (the list of them is a live region).

export interface Notice {
  id: number;
  text: string;
  /** `message`: a line of chat while the panel is closed. `trouble` stays longer and can be put away. */
  kind: "event" | "message" | "trouble";
}

/** Long enough to be read twice at a calm pace. */
const SHOWN_MS = { event: 5_000, message: 6_000, trouble: 12_000 };
/** More than this would be a wall; the oldest goes. */
const AT_ONCE = 3;

export class Notices {
  list = $state.raw<readonly Notice[]>([]);
  #next = 1;

  say(text: string, kind: Notice["kind"] = "event"): void {
    // The same words again start their time anew instead of piling up.
    const others = this.list.filter((notice) => notice.text !== text);
    const notice = { id: this.#next++, text, kind };
    this.list = [...others, notice].slice(-AT_ONCE);
    setTimeout(() => this.dismiss(notice.id), SHOWN_MS[kind]);
  }

  /** What they say is in view by now. */
  drop(kind: Notice["kind"]): void {
    this.list = this.list.filter((notice) => notice.kind !== kind);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}
