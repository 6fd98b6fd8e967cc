// Who is on the stage: the order of the others, the page that is looked at, and what is shown large.
import { ONE_PAGE } from "./layout";
import type { Person } from "./person.svelte";
import { seat } from "./seats";

/** What is shown large because somebody asked for it. */
export interface Pin {
  person: Person;
  source: "camera" | "screen";
}

/** How often it is looked whether somebody who is out of sight has come to the fore. */
const LOOK_MS = 500;

export class Seating {
  #order = $state.raw<readonly Person[]>([]);
  #pin = $state.raw<Pin | null>(null);
  #page = $state(0);
  /** Tiles of a page, yours included; the stage says how many it has room for. */
  #room = $state(ONE_PAGE);
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly you: Person,
    /** The others, in the order they came. */
    private others: readonly Person[],
  ) {
    this.#arrange();
  }

  /** What is shown large; nothing any more once that is gone. */
  pin: Pin | null = $derived.by(() => {
    const pin = this.#pin;
    if (!pin || (pin.source === "screen" && !pin.person.screen)) return null;
    return pin.person.self || this.#order.includes(pin.person) ? pin : null;
  });
  /** Whose tile is large, so that it is not on any page. */
  large: Person | null = $derived.by(() => (this.pin?.source === "camera" ? this.pin.person : null));
  #paged: readonly Person[] = $derived.by(() => (this.large ? this.#order.filter((person) => person !== this.large) : this.#order));
  /** Your own tile is on every page, unless it is the large one. */
  #seats: number = $derived.by(() => Math.max(1, this.#room - (this.large?.self ? 0 : 1)));
  pages: number = $derived.by(() => (this.#paged.length <= this.#seats ? 1 : Math.ceil(this.#paged.length / this.#seats)));
  page: number = $derived.by(() => Math.min(this.#page, this.pages - 1));
  /** Who has a small tile, you last. */
  shown: readonly Person[] = $derived.by(() => {
    const from = this.page * this.#seats;
    const others = this.#paged.slice(from, from + this.#seats);
    return this.large?.self ? others : [...others, this.you];
  });

  /** Who is here now. */
  people(others: readonly Person[]): void {
    this.others = others;
    this.#arrange();
  }

  /** How many tiles the stage has room for. */
  fit(room: number): void {
    if (room === this.#room) return;
    // Who was first on the page stays on it.
    const first = this.page * this.#seats;
    this.#room = room;
    this.#page = Math.floor(first / this.#seats);
    this.#arrange();
  }

  turn(by: number): void {
    this.#page = Math.min(this.pages - 1, Math.max(0, this.page + by));
    this.#arrange();
  }

  /** Shows it large, or no longer. */
  togglePin(person: Person, source: Pin["source"]): void {
    this.#pin = this.isPinned(person, source) ? null : { person, source };
    this.#arrange();
  }

  isPinned(person: Person, source: Pin["source"]): boolean {
    return this.pin?.person === person && this.pin.source === source;
  }

  /** What somebody has begun to share is what all shall look at. */
  shared(): void {
    if (this.#pin?.source === "camera") this.#pin = null;
  }

  close(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #arrange(): void {
    const { large, others } = this;
    const among = (list: readonly Person[]) => (large ? list.filter((person) => person !== large) : list);
    const before = among(this.#order);
    const order = seat(before, among(others), { size: this.#seats, page: this.page, now: performance.now() });
    if (order !== before || this.#order.length !== others.length) this.#order = this.#withLarge(order);
    if (this.pages > 1) this.#looking ??= setInterval(() => this.#arrange(), LOOK_MS);
    else this.close();
  }

  /** Who is large keeps the place between the others. */
  #withLarge(order: readonly Person[]): readonly Person[] {
    const { large } = this;
    return large && this.others.includes(large) ? order.toSpliced(this.#order.indexOf(large), 0, large) : order;
  }
}
