import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Participant, Source } from "../../sdk";
import { Person } from "./person.svelte";
import { Seating } from "./seating.svelte";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Fake = { -readonly [K in keyof Participant]: Participant[K] } & { tracks: Partial<Record<Source, MediaStreamTrack>> };

function fake(id: string): Fake {
  const tracks: Fake["tracks"] = {};
  return {
    id,
    name: id,
    role: "member",
    microphone: true,
    camera: true,
    screen: false,
    handRaisedAt: null,
    connection: "connected",
    quality: "good",
    speaking: false,
    held: null,
    heldScreen: null,
    tracks,
    track: (source) => tracks[source] ?? null,
  };
}

const person = (id: string) => new Person(fake(id), false);
const crowd = (count: number) => Array.from({ length: count }, (_, index) => person(String(index)));
const you = new Person(fake("you"), true);
const names = (people: readonly Person[]) => people.map(({ id }) => id).join(" ");

/** Ten others, six tiles to a page. */
function room() {
  const others = crowd(10);
  const seating = new Seating(you, others);
  seating.fit(6);
  return { others, seating };
}

test("you are last on every page", () => {
  const { seating } = room();
  expect(seating.pages).toBe(2);
  expect(names(seating.shown)).toBe("0 1 2 3 4 you");
  seating.turn(1);
  expect(names(seating.shown)).toBe("5 6 7 8 9 you");
  seating.close();
});

test("pages end where they end", () => {
  const { seating } = room();
  seating.turn(-1);
  expect(seating.page).toBe(0);
  for (let turn = 0; turn < 5; turn += 1) seating.turn(1);
  expect(seating.page).toBe(1);
  seating.close();
});

test("when people leave there are fewer pages, and nobody looks at an empty one", () => {
  const { seating, others } = room();
  seating.turn(1);
  seating.people(others.slice(0, 3));
  expect(seating.pages).toBe(1);
  expect(names(seating.shown)).toBe("0 1 2 you");
  seating.close();
});

test("in a smaller window one stays where one was", () => {
  const { seating } = room();
  seating.turn(1);
  seating.fit(3);
  expect(names(seating.shown)).toContain("5");
  seating.close();
});

test("who is pinned is large and on no page, and sits where they sat when that is over", () => {
  const { seating, others } = room();
  const pinned = others[2] as Person;
  seating.togglePin(pinned, "camera");
  expect(seating.large).toBe(pinned);
  expect(names(seating.shown)).toBe("0 1 3 4 5 you");
  seating.togglePin(pinned, "camera");
  expect(seating.large).toBeNull();
  expect(names(seating.shown)).toBe("0 1 2 3 4 you");
  seating.close();
});

test("a pin goes with the person, and with the screen", () => {
  const { seating, others } = room();
  const [first, second] = others as [Person, Person];
  seating.togglePin(first, "camera");
  seating.people(others.slice(1));
  expect(seating.pin).toBeNull();
  (second.participant as Fake).screen = true;
  second.sync();
  seating.togglePin(second, "screen");
  expect(seating.isPinned(second, "screen")).toBe(true);
  expect(seating.large, "their face has its tile").toBeNull();
  (second.participant as Fake).screen = false;
  second.sync();
  expect(seating.pin).toBeNull();
  seating.close();
});

test("what somebody begins to share is looked at, whoever was pinned", () => {
  const { seating, others } = room();
  seating.togglePin(others[0] as Person, "camera");
  seating.shared();
  expect(seating.pin).toBeNull();
  seating.close();
});

test("your own picture can be large; then the pages are the others'", () => {
  const { seating } = room();
  seating.togglePin(you, "camera");
  expect(names(seating.shown)).toBe("0 1 2 3 4 5");
  seating.close();
});

test("somebody who begins to speak out of sight comes to the front by themselves", () => {
  const { seating, others } = room();
  const last = others[9] as Person;
  (last.participant as Fake).speaking = true;
  last.sync();
  expect(seating.shown).not.toContain(last);
  vi.advanceTimersByTime(2000);
  expect(seating.shown).toContain(last);
  seating.close();
});

test("a picture in sight stays while its way is mended; out of sight, or when its track carries somebody else, it does not", () => {
  const track = {} as MediaStreamTrack;
  const [one, other] = [fake("one"), fake("other")];
  const [first, second] = [new Person(one, false), new Person(other, false)];
  one.tracks.camera = track;
  first.sync();
  const gone = first.show();
  delete one.tracks.camera;
  first.sync();
  expect(first.tracks.camera).toBe(track);
  gone();
  expect(first.tracks.camera).toBeNull();

  one.tracks.camera = track;
  first.sync();
  first.show();
  delete one.tracks.camera;
  other.tracks.camera = track;
  second.sync();
  first.sync();
  expect(first.tracks.camera, "it is the other's picture now").toBeNull();
  expect(second.tracks.camera).toBe(track);
});
