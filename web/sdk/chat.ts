// The conversation: what is kept, in order and without doubles, and what of ours is still on its way.
// Knows nothing of connections beyond "say this"; survives them.
import type { Chat, OwnMessage } from "./api";
import type { ChatMessage, ChatPage, ClientMessage, ErrorCode, ParticipantId } from "./protocol.gen";

/** The answer to a message comes by then, or it counts as failed (it is still taken as kept if the answer comes later). */
const ANSWER_MS = 20_000;

export interface ChatPort {
  send(message: ClientMessage & { type: "chat" | "history" }): boolean;
  changed(): void;
  arrived(message: ChatMessage): void;
}

interface Pending extends OwnMessage {
  /** It has been on a wire, so the server may have kept it. */
  said: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

interface Loading {
  promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

export class Conversation implements Chat {
  #messages: ChatMessage[] = [];
  #pending: Pending[] = [];
  #more = false;
  #loading: Loading | null = null;
  /** Who we are, and were before we had to join anew. */
  readonly #own = new Set<ParticipantId>();
  readonly #port: ChatPort;

  constructor(port: ChatPort) {
    this.#port = port;
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  get pending(): readonly OwnMessage[] {
    return this.#pending;
  }

  get more(): boolean {
    return this.#more;
  }

  isOwn(message: ChatMessage): boolean {
    return this.#own.has(message.from);
  }

  send(text: string): void {
    // As the server keeps it, so that ours can be told by it.
    const message: Pending = { id: uuid(), text: text.trim(), state: "sending", at: Date.now(), said: false, timer: undefined };
    this.#pending = [...this.#pending, message];
    this.#say(message);
    this.#port.changed();
  }

  retry(id: string): void {
    this.#change(id, "sending");
    const message = this.#pending.find((pending) => pending.id === id);
    if (message) this.#say(message);
  }

  discard(id: string): void {
    this.#drop(id);
    this.#port.changed();
  }

  loadOlder(): Promise<void> {
    if (this.#loading) return this.#loading.promise;
    if (!this.#more) return Promise.resolve();
    let settle!: Pick<Loading, "resolve" | "reject">;
    const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
    this.#loading = { promise, ...settle };
    this.#ask();
    return promise;
  }

  // What the room tells.

  /** We are in as somebody new: here is the end of the conversation. */
  begin(own: ParticipantId, page: ChatPage): void {
    this.#own.add(own);
    this.#reconcile(page.messages);
    // What may have been kept under who we were would be kept twice: whether to send it again is for the person to say.
    for (const { id, said, state } of this.#pending) if (said && state === "sending") this.#change(id, "failed");
    this.#place(page, this.#messages.length > 0);
    this.#resend();
  }

  /** We are back; `page`: what was said meanwhile, when it is not replayed. */
  resumed(page: ChatPage | null): void {
    if (page) {
      this.#reconcile(page.messages);
      this.#place(page, true);
    }
    this.#resend();
  }

  receive(message: ChatMessage): void {
    if (this.#merge([message]) > 0 && !this.isOwn(message)) this.#port.arrived(message);
    this.#port.changed();
  }

  acknowledge(id: string, message: ChatMessage): void {
    this.#drop(id);
    this.#merge([message]);
    this.#port.changed();
  }

  history(page: ChatPage): void {
    this.#merge(page.messages);
    this.#more = page.more;
    this.#port.changed();
    this.#settle()?.resolve();
  }

  /** The server refused something, which may be ours. */
  refused(code: ErrorCode, about: string | undefined): void {
    if (about === "history" || code === "history_unavailable") this.#settle()?.reject(new Error(code));
    else if (about !== undefined && this.#pending.some(({ id }) => id === about)) this.#change(about, "failed");
  }

  ended(): void {
    for (const { id, state } of this.#pending) if (state === "sending") this.#change(id, "failed");
    this.#settle()?.reject(new Error("ended"));
  }

  // Helpers.

  #say(message: Pending): void {
    clearTimeout(message.timer);
    if (!this.#port.send({ type: "chat", id: message.id, text: message.text })) return;
    message.said = true;
    message.timer = setTimeout(() => this.#change(message.id, "failed"), ANSWER_MS);
  }

  #resend(): void {
    for (const message of this.#pending) if (message.state === "sending") this.#say(message);
    if (this.#loading) this.#ask();
    this.#port.changed();
  }

  #ask(): void {
    const [oldest] = this.#messages;
    if (oldest) this.#port.send({ type: "history", before: oldest.id });
    else this.#settle()?.resolve();
  }

  /** Those of ours that were kept although we never heard of it are no longer pending: they must not be shown twice. */
  #reconcile(messages: readonly ChatMessage[]): void {
    for (const message of messages) {
      if (!this.isOwn(message) || this.#has(message)) continue;
      const kept = this.#pending.find((pending) => pending.said && pending.text === message.text);
      if (kept) this.#drop(kept.id);
    }
  }

  #place(page: ChatPage, back: boolean): void {
    const newest = this.#messages.at(-1);
    const fresh = page.messages.filter((message) => !this.#has(message));
    // More was said than one page holds: rather load the older part again than show a conversation with a hole.
    const gap = back && page.more && newest !== undefined && !page.messages.some((message) => message.id <= newest.id);
    if (gap) this.#messages = [];
    if (gap || newest === undefined) this.#more = page.more;
    this.#merge(page.messages);
    if (back) for (const message of fresh) if (!this.isOwn(message)) this.#port.arrived(message);
  }

  /** How many of them are new. */
  #merge(messages: readonly ChatMessage[]): number {
    const fresh = messages.filter((message) => !this.#has(message));
    if (fresh.length > 0) this.#messages = [...this.#messages, ...fresh].sort((a, b) => (a.id < b.id ? -1 : 1));
    return fresh.length;
  }

  #has(message: ChatMessage): boolean {
    // Looked for from the end, where a new one belongs.
    const found = this.#messages.findLastIndex((known) => known.id <= message.id);
    return this.#messages[found]?.id === message.id;
  }

  #change(id: string, state: OwnMessage["state"]): void {
    this.#pending = this.#pending.map((message) => (message.id === id ? (clearTimeout(message.timer), { ...message, state }) : message));
    this.#port.changed();
  }

  #drop(id: string): void {
    clearTimeout(this.#pending.find((message) => message.id === id)?.timer);
    this.#pending = this.#pending.filter((message) => message.id !== id);
  }

  #settle(): Loading | null {
    const loading = this.#loading;
    this.#loading = null;
    return loading;
  }
}

/** A UUID version 4. (`crypto.randomUUID` is missing outside secure contexts, where joining without devices works.) */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
