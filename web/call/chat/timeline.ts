// Arranges the conversation for reading: days, the line where the unread begins, and what one person wrote in one minute together.
import type { ChatMessage, OwnMessage } from "../../sdk";

export interface Line {
  id: string;
  text: string;
  state: "kept" | OwnMessage["state"];
}

export type Entry =
  | { kind: "day"; key: string; at: number }
  | { kind: "unread"; key: string }
  | { kind: "group"; key: string; own: boolean; name: string; at: number; lines: Line[] };

export interface Conversation {
  messages: readonly ChatMessage[];
  pending: readonly OwnMessage[];
  isOwn: (message: ChatMessage) => boolean;
  /** The first message that was not read yet. */
  unreadFrom: string | null;
}

export function timeline({ messages, pending, isOwn, unreadFrom }: Conversation): Entry[] {
  const entries: Entry[] = [];
  let writer = "";
  const add = (at: number, from: string, own: boolean, name: string, line: Line) => {
    const last = entries.at(-1);
    if (last?.kind === "group" && writer === from && last.own === own && minute(last.at) === minute(at)) return void last.lines.push(line);
    writer = from;
    entries.push({ kind: "group", key: line.id, own, name, at, lines: [line] });
  };
  let day = "";
  const separate = (at: number) => {
    const next = new Date(at).toDateString();
    if (next !== day) entries.push({ kind: "day", key: `day ${next}`, at });
    day = next;
  };
  for (const message of messages) {
    separate(message.sent_at);
    if (message.id === unreadFrom) entries.push({ kind: "unread", key: "unread" });
    add(message.sent_at, message.from, isOwn(message), message.name, { id: message.id, text: message.text, state: "kept" });
  }
  for (const { id, text, state, at } of pending) {
    separate(at);
    add(at, "", true, "", { id, text, state });
  }
  return entries;
}

const minute = (at: number): number => Math.floor(at / 60_000);
