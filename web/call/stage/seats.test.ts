import { describe, expect, test } from "vitest";
import { seat, type Room, type Sitter } from "./seats";

const NOW = 1_000_000;
/** Six seats to a page, the first one is looked at. */
const ROOM: Room = { size: 6, page: 0, now: NOW };

function sitter(id: string, more: Partial<Sitter> = {}): Sitter {
  return {
    id,
    camera: true,
    cameraAt: -Infinity,
    handRaisedAt: null,
    speaking: false,
    speakingSince: -Infinity,
    spokeAt: -Infinity,
    ...more,
  };
}

/** `count` people, named a, b, c …, as `who` says. */
function crowd(count: number, who: Record<string, Partial<Sitter>> = {}): Sitter[] {
  return Array.from({ length: count }, (_, index) => {
    const id = String.fromCharCode(97 + index);
    return sitter(id, who[id]);
  });
}

const names = (order: readonly Sitter[]) => order.map(({ id }) => id).join("");
const talking = { speaking: true, speakingSince: NOW - 2000 };
const heard = (ago: number) => ({ spokeAt: NOW - ago });
const off = { camera: false };

describe("one page", () => {
  test("everybody sits in the order they came, whatever they do", () => {
    const people = crowd(6, { f: talking, b: off, e: { handRaisedAt: 1 } });
    expect(names(seat([], people, ROOM))).toBe("abcdef");
  });

  test("who leaves is followed by the next, who comes sits at the end", () => {
    const people = crowd(5);
    const [a, b, , d, e] = people as [Sitter, Sitter, Sitter, Sitter, Sitter];
    expect(names(seat(people, [a, b, d, e, sitter("x")], ROOM))).toBe("abdex");
  });

  test("nothing new gives the same list", () => {
    const people = crowd(6, { c: talking });
    const before = seat([], people, ROOM);
    expect(seat(before, people, ROOM)).toBe(before);
  });
});

describe("several pages", () => {
  test("who enters finds the cameras first", () => {
    const people = crowd(10, { a: off, c: off, e: off, f: off });
    expect(names(seat([], people, ROOM))).toBe("bdghijacef");
  });

  test("a speaker out of sight takes the place of whoever has been silent longest; the others stay", () => {
    const people = crowd(9, { a: heard(20_000), b: heard(60_000), c: heard(40_000), d: heard(30_000), e: heard(50_000), f: heard(25_000) });
    const before = seat([], people, ROOM);
    const after = people.map((one) => (one.id === "h" ? { ...one, ...talking } : one));
    const again = before.map((one) => after.find(({ id }) => id === one.id) ?? one);
    expect(names(seat(again, after, ROOM))).toBe("ahcdefgbi");
  });

  test("a cough moves nobody, nor does a speaker whom all see", () => {
    for (const who of [{ h: { speaking: true, speakingSince: NOW - 100 } }, { b: talking }]) {
      const people = crowd(9, who);
      expect(seat(people, people, ROOM)).toBe(people);
    }
  });

  test("those who were just heard, or have a hand up, do not make way", () => {
    const busy = { a: heard(1000), b: heard(9000), c: { handRaisedAt: 5 }, d: talking, e: heard(3000), f: heard(0), h: talking };
    const people = crowd(9, busy);
    expect(seat(people, people, ROOM)).toBe(people);
  });

  test("hands come to the front, as many as there are places", () => {
    const people = crowd(20, Object.fromEntries([..."ghijklmno"].map((id) => [id, { handRaisedAt: 1 }])));
    const order = seat(people, people, ROOM);
    expect([...names(order).slice(0, 6)].sort().join("")).toBe("ghijkl");
    expect([...names(order)].sort().join("")).toBe("abcdefghijklmnopqrst");
  });

  test("nobody vanishes from the page that is looked at because of coming to the front", () => {
    const people = crowd(18, { h: talking, n: talking });
    const order = seat(people, people, { ...ROOM, page: 1 });
    // h is in sight on the second page; n, on the third, is not.
    expect(names(order).slice(6, 12)).toBe("ghijkl");
    expect(names(order).slice(0, 6)).toContain("n");
  });

  test("a camera that is switched on out of sight takes the place of a face without one, once that is off for good", () => {
    const justOff = crowd(9, { b: { ...off, cameraAt: NOW - 1000 }, g: off, h: off });
    expect(seat(justOff, justOff, ROOM)).toBe(justOff);
    const offForLong = crowd(9, { b: { ...off, cameraAt: NOW - 6000 }, g: off, h: off });
    expect(names(seat(offForLong, offForLong, ROOM))).toBe("aicdefghb");
  });

  test("who speaks keeps the place without a camera", () => {
    const people = crowd(9, { b: { ...off, ...heard(20_000) } });
    expect(seat(people, people, ROOM)).toBe(people);
  });

  test("who leaves is followed by one of the last page: one tile changes, not all", () => {
    const people = crowd(14);
    const rest = people.filter(({ id }) => id !== "b");
    expect(names(seat(people, rest, ROOM))).toBe("ancdefghijklm");
  });

  test("with twenty cameras among two hundred the cameras are on the first page, and nobody is lost", () => {
    const people = Array.from({ length: 200 }, (_, index) => sitter(String(index), { camera: index % 10 === 3 }));
    let order = seat([], people, { size: 24, page: 0, now: NOW });
    expect(order.slice(0, 20).every(({ camera }) => camera)).toBe(true);
    // Everybody speaks once, one after the other.
    for (let turn = 0; turn < 200; turn += 1) {
      const now = NOW + turn * 3000;
      const change = (one: Sitter): Sitter =>
        Number(one.id) === turn
          ? { ...one, speaking: true, speakingSince: now - 1000 }
          : one.speaking
            ? { ...one, speaking: false, spokeAt: now }
            : one;
      const changed = new Map(order.map((one) => [one.id, change(one)]));
      const before = order.map(({ id }) => changed.get(id) ?? sitter(id));
      order = seat(
        before,
        people.map(({ id }) => changed.get(id) ?? sitter(id)),
        { size: 24, page: 0, now },
      );
      expect(
        order.slice(0, 24).some(({ id }) => id === String(turn)),
        `${turn} is in sight`,
      ).toBe(true);
      const moved = order.slice(0, 24).filter((one, index) => one !== before[index]);
      expect(moved.length, "tiles that changed").toBeLessThanOrEqual(2);
      expect(new Set(order.map(({ id }) => id)).size).toBe(200);
    }
  });
});
