import { expect, test } from "vitest";
import { duration } from "./duration";

test("a clock that only grows", () => {
  expect([0, 7, 67, 599, 3600, 3753, 360_000].map(duration)).toEqual(["0:00", "0:07", "1:07", "9:59", "1:00:00", "1:02:33", "100:00:00"]);
});
