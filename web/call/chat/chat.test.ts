import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Chat, ChatMessage } from "../../sdk";
import { ChatBox } from "./chat.svelte";

class FakeChat implements Chat {
  messages: ChatMessage[] = [];
  pending = [];
  more = false;
  sent: string[] = [];
  isOwn = () => false;
  send = (text: string) => void this.sent.push(text);
  retry = () => {};
  discard = () => {};
  loadOlder = () => Promise.reject(new Error("away"));
}

let page: { visibilityState: string };
let fake: FakeChat;
let box: ChatBox;
let count = 0;

beforeEach(() => {
  page = { visibilityState: "visible" };
  vi.stubGlobal("document", page);
  fake = new FakeChat();
  box = new ChatBox(fake, 20);
});
afterEach(() => vi.unstubAllGlobals());

function arrive(text = "hello"): ChatMessage {
  const message = { id: `m${count++}`, from: "ben", name: "Ben", text, sent_at: Date.UTC(2026, 10, 23) + count };
  fake.messages.push(message);
  box.sync();
  box.arrived(message);
  return message;
}

const hasUnreadLine = () => box.entries.some((entry) => entry.kind === "unread");

test("what arrives while the panel is closed is unread until it is opened, and marked until it is closed again", () => {
  arrive();
  arrive();
  expect([box.unread, hasUnreadLine()]).toEqual([2, true]);
  box.visible(true);
  expect([box.unread, hasUnreadLine()]).toEqual([0, true]);
  box.visible(false);
  expect(hasUnreadLine()).toBe(false);
});

test("what arrives before one's eyes is read; scrolled up or in another tab it is not", () => {
  box.visible(true);
  arrive();
  expect(box.unread).toBe(0);
  box.atEnd = false;
  arrive();
  expect(box.unread).toBe(1);
  box.atEnd = true;
  box.read();
  expect(box.unread).toBe(0);
  page.visibilityState = "hidden";
  arrive();
  expect(box.unread).toBe(1);
});

test("a draft is sent trimmed, and only when it is neither empty nor too long in the server's counting", () => {
  for (const [draft, can] of [
    ["", false],
    ["  \n", false],
    ["👍".repeat(20), true],
    ["👍".repeat(21), false],
  ] as const) {
    box.draft = draft;
    expect(box.canSend, draft).toBe(can);
  }
  box.send();
  expect(fake.sent).toEqual([]);
  box.draft = " hi ";
  box.send();
  expect([fake.sent, box.draft]).toEqual([["hi"], ""]);
});

test("older messages that cannot be loaded leave the chat usable", async () => {
  fake.more = true;
  box.sync();
  await box.loadOlder();
  expect([box.loading, box.more]).toEqual([false, true]);
});
