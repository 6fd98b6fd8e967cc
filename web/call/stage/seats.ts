// Who sits where when not everybody fits on one page. Those who speak, have a hand up or a camera on come to the front; nobody
// moves without need, and nobody leaves the page that is looked at because of it.

/** What is known of somebody when the places are given. Times as in `performance.now()`. */
export interface Sitter {
  readonly id: string;
  readonly camera: boolean;
  /** When the camera was last seen on. */
  readonly cameraAt: number;
  readonly handRaisedAt: number | null;
  readonly speaking: boolean;
  /** When they began to speak, if they do. */
  readonly speakingSince: number;
  /** When they were last heard. */
  readonly spokeAt: number;
}

export interface Room {
  /** Seats of one page. */
  size: number;
  /** The page that is looked at. */
  page: number;
  now: number;
}

/** A cough brings nobody to the front. */
const SUSTAINED_MS = 700;
/** Who was heard in this time does not make way for the next speaker. */
const RECENT_MS = 10_000;
/** Who was heard in this time keeps the place on the first page, even without a picture. */
const KNOWN_MS = 30_000;
/** A camera that is off for a moment loses no place. */
const CAMERA_MS = 5_000;

/** The order in which `people` sit now, from the order `before`; the very same array when nothing changed. */
export function seat<T extends Sitter>(before: readonly T[], people: readonly T[], room: Room): readonly T[] {
  const order = [...keep(before, people, room), ...newcomers(before, people, room)];
  if (order.length > room.size) {
    bringForward(order, room);
    camerasFirst(order, room);
  }
  return order.length === before.length && order.every((person, index) => person === before[index]) ? before : order;
}

/** Those who stayed. Who left an earlier page is followed there by the last of all; on the last page the others move up. */
function keep<T extends Sitter>(before: readonly T[], people: readonly T[], { size }: Room): T[] {
  const here = new Set(people);
  const order = before.map((person) => (here.has(person) ? person : null));
  for (let gap = order.indexOf(null); gap >= 0; gap = order.indexOf(null, gap)) {
    const later = nextPage(gap, size);
    const from = order.findLastIndex((person, index) => index >= later && person !== null);
    if (from < 0) order.splice(gap, 1);
    else [order[gap], order[from]] = [order[from] ?? null, null];
  }
  return order.filter((person) => person !== null);
}

/** In the order they came; into a room of several pages those with a camera first. */
function newcomers<T extends Sitter>(before: readonly T[], people: readonly T[], { size }: Room): T[] {
  const known = new Set(before);
  const fresh = people.filter((person) => !known.has(person));
  return people.length > size ? [...fresh.filter(({ camera }) => camera), ...fresh.filter(({ camera }) => !camera)] : fresh;
}

/** Who is out of sight and speaks, or has raised a hand, takes the place on the first page of whoever has been silent longest. */
function bringForward<T extends Sitter>(order: T[], room: Room): void {
  for (let index = room.size; index < order.length; index += 1) {
    const person = order[index];
    if (!person || onPage(index, room) || !(speaks(person, room.now) || person.handRaisedAt !== null)) continue;
    const place = silentLongest(order, room);
    if (place < 0) return;
    swap(order, place, index);
  }
}

/** The seat on the first page that can be given away with the least loss; -1: none. */
function silentLongest<T extends Sitter>(order: readonly T[], { size, now }: Room): number {
  let best = -1;
  for (let index = 0; index < size; index += 1) {
    const person = order[index];
    if (!person || person.speaking || person.handRaisedAt !== null || now - person.spokeAt < RECENT_MS) continue;
    const other = best < 0 ? undefined : order[best];
    // Of those who were never heard one without a picture goes, else the last.
    if (!other || person.spokeAt < other.spokeAt || (person.spokeAt === other.spokeAt && (!shows(person, now) || shows(other, now))))
      best = index;
  }
  return best;
}

/** A picture that is out of sight takes the place of a face without one on an earlier page. */
function camerasFirst<T extends Sitter>(order: T[], room: Room): void {
  let from = 0;
  for (let index = 0; index < order.length; index += 1) {
    const person = order[index];
    if (!person || shows(person, room.now) || (index < room.size && isKnown(person, room.now))) continue;
    from = Math.max(from, nextPage(index, room.size));
    while (from < order.length && (!order[from]?.camera || onPage(from, room))) from += 1;
    if (from >= order.length) return;
    swap(order, index, from);
  }
}

const nextPage = (index: number, size: number): number => (Math.floor(index / size) + 1) * size;

const onPage = (index: number, { size, page }: Room): boolean => Math.floor(index / size) === page;

const speaks = (person: Sitter, now: number): boolean => person.speaking && now - person.speakingSince >= SUSTAINED_MS;

const shows = (person: Sitter, now: number): boolean => person.camera || now - person.cameraAt < CAMERA_MS;

const isKnown = (person: Sitter, now: number): boolean =>
  person.speaking || person.handRaisedAt !== null || now - person.spokeAt < KNOWN_MS;

function swap<T>(order: T[], one: number, other: number): void {
  const [a, b] = [order[one], order[other]];
  if (a !== undefined && b !== undefined) [order[one], order[other]] = [b, a];
}
