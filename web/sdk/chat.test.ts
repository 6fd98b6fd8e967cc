import { beforeEach, describe, expect, it, vi } from "vitest";
import { Conversation } from "./chat";
import type { ChatMessage, ClientMessage } from "./protocol.gen";
import { fakeBrowser, pass } from "./testing/setup";

fakeBrowser();

let sent: ClientMessage[];
let up: boolean;
let arrived: string[];
let chat: Conversation;

beforeEach(() => {
  sent = [];
  up = true;
  arrived = [];
  chat = new Conversation({
    send: (message) => up && sent.push(message) > 0,
    changed: () => undefined,
    arrived: ({ text }) => arrived.push(text),
  });
});

const message = (id: string, text = id, from = "other"): ChatMessage => ({ id, from, name: from, text, sent_at: 0 });
const texts = (): string[] => chat.messages.map(({ text }) => text);
const begin = (...messages: ChatMessage[]): void => chat.begin("me", { messages, more: true });

describe("sending", () => {
  it("is pending until it is acknowledged", () => {
    begin();
    chat.send("  hello ");
    expect(sent).toMatchObject([{ type: "chat", text: "hello" }]);
    expect(chat.pending).toMatchObject([{ text: "hello", state: "sending" }]);
    chat.acknowledge(chat.pending[0]!.id, message("1", "hello", "me"));
    expect(chat.pending).toEqual([]);
    expect(texts()).toEqual(["hello"]);
    expect(chat.isOwn(chat.messages[0]!)).toBe(true);
    expect(arrived).toEqual([]);
  });

  it.each(["chat_not_saved", "chat_too_long", "rate_limited"] as const)("fails on %s, and is sent again by the same name", (code) => {
    begin();
    chat.send("hello");
    const { id } = chat.pending[0]!;
    chat.refused(code, id);
    expect(chat.pending).toMatchObject([{ id, state: "failed" }]);
    chat.retry(id);
    expect(chat.pending).toMatchObject([{ id, state: "sending" }]);
    expect(sent).toEqual([sent[0], sent[0]]);
  });

  it("fails when no answer comes, and is still taken when it does", async () => {
    begin();
    chat.send("hello");
    await pass(21_000);
    expect(chat.pending).toMatchObject([{ state: "failed" }]);
    chat.acknowledge(chat.pending[0]!.id, message("1", "hello", "me"));
    expect(chat.pending).toEqual([]);
  });

  it("waits for the connection, and is then sent in order", () => {
    begin();
    up = false;
    chat.send("one");
    chat.send("two");
    expect(sent).toEqual([]);
    up = true;
    chat.resumed(null);
    expect(sent).toMatchObject([{ text: "one" }, { text: "two" }]);
  });

  it("does not send again what failed unless asked, and forgets what is discarded", () => {
    begin();
    chat.send("hello");
    chat.refused("chat_not_saved", chat.pending[0]!.id);
    chat.resumed(null);
    expect(sent).toHaveLength(1);
    chat.discard(chat.pending[0]!.id);
    expect(chat.pending).toEqual([]);
  });

  it("has a name of its own for each message", () => {
    chat.send("a");
    chat.send("a");
    const [one, two] = chat.pending.map(({ id }) => id);
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(one).not.toBe(two);
  });
});

describe("the conversation", () => {
  it("is in the order of the ids, without doubles", () => {
    begin(message("1"), message("3"));
    chat.receive(message("4"));
    chat.receive(message("2"));
    chat.receive(message("4"));
    expect(texts()).toEqual(["1", "2", "3", "4"]);
    expect(arrived).toEqual(["4", "2"]);
  });

  it("takes what was said meanwhile, and knows which of it was ours", () => {
    begin(message("1"));
    chat.send("mine");
    chat.resumed({ messages: [message("2", "mine", "me"), message("3", "theirs")], more: false });
    expect(chat.pending).toEqual([]);
    expect(sent).toHaveLength(1);
    expect(texts()).toEqual(["1", "mine", "theirs"]);
    expect(arrived).toEqual(["theirs"]);
    expect(chat.more).toBe(true);
  });

  it("is not written to again as somebody new without being asked, where that could double a message", () => {
    begin(message("1"));
    chat.send("kept, seen");
    chat.send("unknown");
    up = false;
    chat.send("never said");
    up = true;
    sent = [];
    chat.begin("me again", { messages: [message("2", "kept, seen", "me")], more: false });
    expect(sent).toMatchObject([{ text: "never said" }]);
    expect(chat.pending).toMatchObject([
      { text: "unknown", state: "failed" },
      { text: "never said", state: "sending" },
    ]);
    expect(texts()).toEqual(["1", "kept, seen"]);
  });

  it("does not take another's message of the same words for ours", () => {
    begin();
    chat.send("yes");
    chat.resumed({ messages: [message("2", "yes")], more: false });
    expect(chat.pending).toHaveLength(1);
  });

  it("has no hole when more was said than a page holds", () => {
    begin(message("1"), message("2"));
    chat.resumed({ messages: [message("8"), message("9")], more: true });
    expect(texts()).toEqual(["8", "9"]);
    expect(chat.more).toBe(true);
  });
});

describe("older messages", () => {
  it("come before the others", async () => {
    begin(message("5"));
    const loading = chat.loadOlder();
    expect(chat.loadOlder()).toBe(loading);
    expect(sent).toEqual([{ type: "history", before: "5" }]);
    chat.history({ messages: [message("3"), message("4")], more: false });
    await loading;
    expect(texts()).toEqual(["3", "4", "5"]);
    expect(arrived).toEqual([]);
    await chat.loadOlder();
    expect(sent).toHaveLength(1);
  });

  it("are asked for again after a lost connection", async () => {
    begin(message("5"));
    up = false;
    const loading = chat.loadOlder();
    up = true;
    chat.resumed(null);
    chat.history({ messages: [], more: false });
    await loading;
    expect(sent).toHaveLength(1);
  });

  it("may be refused", async () => {
    begin(message("5"));
    const loading = chat.loadOlder();
    chat.refused("history_unavailable", "history");
    await expect(loading).rejects.toThrow("history_unavailable");
    const again = chat.loadOlder();
    chat.ended();
    await expect(again).rejects.toThrow("ended");
  });
});

it("works where the page is not a secure context", () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  chat.send("x");
  expect(chat.pending).toHaveLength(1);
});
