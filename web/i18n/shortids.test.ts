import { expect, test } from "vitest";
import { shortener } from "./shortids";

const shorten = shortener("# words\nleave = Leave\njoin-now = Join now\nchat-left = { $count ->\n    [one] one\n   *[other] more\n}\n");

test("ids get the same short name in the catalogue and where they are used", () => {
  expect(shorten('{"join-now":"Join now","chat-left":1}')).toBe('{"$0":"Join now","$1":1}');
  expect(shorten("t('join-now') + t(`chat-left`)")).toBe("t('$0') + t(`$1`)");
});

test("what only looks like one stays", () => {
  const code = `t("leave") + "join-now-button" + "not-an-id" + 'join-now" + t(\`join-now \${x}\`)`;
  expect(shorten(code)).toBe(code);
});
