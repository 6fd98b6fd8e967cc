// The conversation as the page shows it: what is unread, the draft, and how long it may be.
import type { Chat, ChatMessage, OwnMessage } from "../../sdk";
import { timeline, type Entry } from "./timeline";

/** The counter appears when this much of the limit is left. */
const COUNTER_FROM = 200;

export class ChatBox {
  messages = $state.raw<readonly ChatMessage[]>([]);
  pending = $state.raw<readonly OwnMessage[]>([]);
  more = $state(false);
  loading = $state(false);
  /** What is being written; kept while the panel is closed and while the connection is away. */
  draft = $state("");
  unread = $state(0);
  /** The panel is open and its end is in view. */
  atEnd = $state(true);
  #open = $state(false);
  #unreadFrom = $state<string | null>(null);

  constructor(
    private readonly chat: Chat,
    private readonly limit: number,
  ) {
    this.sync();
  }

  entries: Entry[] = $derived.by(() =>
    timeline({
      messages: this.messages,
      pending: this.pending,
      isOwn: (message) => this.chat.isOwn(message),
      unreadFrom: this.#unreadFrom,
    }),
  );
  /** Characters that may still be written, in Unicode scalar values as the server counts. */
  left: number = $derived.by(() => this.limit - [...this.draft].length);
  showsCounter: boolean = $derived.by(() => this.left <= COUNTER_FROM);
  canSend: boolean = $derived.by(() => this.draft.trim() !== "" && this.left >= 0);

  /** New messages are being read as they come. */
  get seen(): boolean {
    return this.#open && this.atEnd && document.visibilityState === "visible";
  }

  sync(): void {
    this.messages = [...this.chat.messages];
    this.pending = [...this.chat.pending];
    this.more = this.chat.more;
  }

  arrived(message: ChatMessage): void {
    if (this.seen) return;
    this.unread += 1;
    this.#unreadFrom ??= message.id;
  }

  /** The panel was opened or closed. The line "new" stays until it is closed. */
  visible(open: boolean): void {
    this.#open = open;
    if (open) this.read();
    else if (this.unread === 0) this.#unreadFrom = null;
  }

  /** The end of the conversation is in view. */
  read(): void {
    if (this.seen) this.unread = 0;
  }

  send(): void {
    if (!this.canSend) return;
    this.chat.send(this.draft.trim());
    this.draft = "";
    this.unread = 0;
    this.#unreadFrom = null;
  }

  retry(id: string): void {
    this.chat.retry(id);
  }

  discard(id: string): void {
    this.chat.discard(id);
  }

  async loadOlder(): Promise<void> {
    if (this.loading || !this.more) return;
    this.loading = true;
    await this.chat.loadOlder().catch(() => undefined);
    this.loading = false;
    this.sync();
  }
}
