import { describe, expect, test } from "vitest";
import { isEmojiOnly, linkify } from "./linkify";

const links = (text: string) => linkify(text).flatMap((piece) => (piece.kind === "link" ? [piece.text] : []));
const whole = (text: string) =>
  linkify(text)
    .map((piece) => piece.text)
    .join("");

describe("addresses that become links", () => {
  test.each([
    ["see https://example.org/a?b=c#d now", "https://example.org/a?b=c#d"],
    ["HTTP://EXAMPLE.ORG", "HTTP://EXAMPLE.ORG"],
    ["(https://example.org/a)", "https://example.org/a"],
    ["https://en.wikipedia.org/wiki/Fire_(disambiguation).", "https://en.wikipedia.org/wiki/Fire_(disambiguation)"],
    ["really https://example.org/?!", "https://example.org/"],
    ["[notes](https://example.org/x)", "https://example.org/x"],
    ["http://[::1]:8000/r/abc", "http://[::1]:8000/r/abc"],
    ["https://münchen.example/straße", "https://münchen.example/straße"],
    ['<a href="https://example.org/x">', "https://example.org/x"],
    ["um https://example.org。", "https://example.org。"],
    ["a:https://example.org/", "https://example.org/"],
  ])("%s", (text, link) => expect(links(text)).toEqual([link]));

  test("several in one message, with the text between them kept", () => {
    const text = "https://a.example and https://b.example/\nhttps://c.example";
    expect(links(text)).toEqual(["https://a.example", "https://b.example/", "https://c.example"]);
    expect(whole(text)).toBe(text);
  });
});

describe("what never becomes a link", () => {
  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt://example.org/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https",
    "ftp://example.org",
    "//example.org",
    "www.example.org",
    "https://",
    "http://?",
    "xhttps://example.org",
    "https://bank.example@evil.example/",
    "https://user:secret@evil.example/",
    "https://example.org:99999/",
    "https://exa mple",
    "<img src=x onerror=alert(1)>",
  ])("%s", (text) => {
    for (const link of links(text)) expect(new URL(link).hostname).toBe("exa");
    expect(whole(text)).toBe(text);
  });
});

test("no script address gets through, whatever surrounds it", () => {
  const corpus = ["javascript:alert(1)//https://a.example", "https://a.example\u202ejavascript:alert(1)", "java\tscript:https://a.example"];
  for (const piece of corpus.flatMap(linkify)) if (piece.kind === "link") expect(new URL(piece.href).protocol).toBe("https:");
});

test("characters that turn the direction or are invisible end an address", () => {
  expect(links("https://example.org/\u202egnp.exe")).toEqual(["https://example.org/"]);
  expect(links("https://example\u200b.org")).toEqual(["https://example"]);
});

test("a host that is asked for in other letters is named", () => {
  const [latin] = linkify("https://apple.example");
  const [cyrillic] = linkify("https://аpple.example");
  expect(latin).toMatchObject({ host: null });
  expect(cyrillic).toMatchObject({ text: "https://аpple.example", host: "xn--pple-43d.example" });
});

test("emoji alone are recognised", () => {
  for (const text of ["👍", "🎉 🎉", "👩‍👩‍👧‍👦", "🇩🇪", "👋🏽", "❤️", "1️⃣"]) expect(isEmojiOnly(text), text).toBe(true);
  for (const text of ["", " ", "ok 👍", "123", "#", "👍👍👍👍👍👍👍", "©?"]) expect(isEmojiOnly(text), text).toBe(false);
});
