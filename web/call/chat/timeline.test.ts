import { expect, test } from "vitest";
import type { ChatMessage } from "../../sdk";
import { timeline } from "./timeline";

const NOON = new Date(2026, 10, 23, 12, 0, 0).getTime();
const message = (id: string, from: string, minutes: number, text = id): ChatMessage => ({
  id,
  from,
  name: from,
  text,
  sent_at: NOON + minutes * 60_000,
});
const arrange = (messages: ChatMessage[], more: Partial<Parameters<typeof timeline>[0]> = {}) =>
  timeline({ messages, pending: [], isOwn: (found) => found.from === "me", unreadFrom: null, ...more });
const shape = (entries: ReturnType<typeof timeline>) =>
  entries.map((entry) => (entry.kind === "group" ? `${entry.name}: ${entry.lines.map((line) => line.text).join("+")}` : entry.kind));

test("one person's lines of one minute stand together", () => {
  const entries = arrange([
    message("a", "ann", 0),
    message("b", "ann", 0.5),
    message("c", "ben", 0.6),
    message("d", "ann", 0.7),
    message("e", "ann", 2),
  ]);
  expect(shape(entries)).toEqual(["day", "ann: a+b", "ben: c", "ann: d", "ann: e"]);
});

test("a new day is said once", () => {
  const entries = arrange([message("a", "ann", 0), message("b", "ann", 24 * 60), message("c", "ann", 24 * 60 + 0.1)]);
  expect(shape(entries)).toEqual(["day", "ann: a", "day", "ann: b+c"]);
});

test("the unread line splits a group", () => {
  const entries = arrange([message("a", "ann", 0), message("b", "ann", 0.1)], { unreadFrom: "b" });
  expect(shape(entries)).toEqual(["day", "ann: a", "unread", "ann: b"]);
});

test("what is being sent comes last and says so", () => {
  const entries = arrange([message("a", "me", 0)], {
    pending: [
      { id: "p", text: "hi", state: "sending", at: NOON },
      { id: "q", text: "ho", state: "failed", at: NOON },
    ],
  });
  expect(entries.at(-1)).toMatchObject({ own: true, lines: [{ state: "sending" }, { state: "failed" }] });
});

test("keys are unique", () => {
  const entries = arrange([message("a", "ann", 0), message("b", "ben", 1), message("c", "ann", 2)], { unreadFrom: "b" });
  expect(new Set(entries.map((entry) => entry.key)).size).toBe(entries.length);
});
