import { expect, test } from "vitest";
import { readPage } from "./page";

test("home is always a path of this server", () => {
  for (const home of ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", 7, undefined]) {
    expect(readPage(JSON.stringify({ home })).home).toBe("/");
  }
  expect(readPage('{"home":"/rooms"}').home).toBe("/rooms");
});

test("what is missing is empty, and nonsense is refused", () => {
  expect(readPage('{"code":"abcd","signed_in":"yes"}')).toMatchObject({ code: "abcd", title: "", signed_in: false });
  expect(() => readPage("null")).toThrow(TypeError);
  expect(() => readPage(undefined)).toThrow(TypeError);
});
