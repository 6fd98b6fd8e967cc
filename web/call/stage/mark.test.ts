import { expect, test } from "vitest";
import type { Participant, Quality } from "../../sdk";
import { t } from "../../i18n";
import { markOf } from "./mark";

const QUALITIES: Quality[] = ["good", "fair", "poor", "lost"];
const words = (self: boolean, connection: Participant["connection"]) =>
  QUALITIES.map((quality) => {
    const id = markOf({ self, connection, quality });
    return id && t(id);
  });

test("who comes through has a mark that says how well", () => {
  expect(words(false, "connected")).toEqual(["Connection: good", "Connection: fair", "Connection: poor", null]);
});

test("who does not has other words on the tile, and you have none", () => {
  for (const connection of ["connecting", "reconnecting", "failed"] as const) expect(words(false, connection)).toEqual(Array(4).fill(null));
  expect(words(true, "connected")).toEqual(Array(4).fill(null));
});
