// What people see of each other in calls that change: frame by frame, and whose colour it is.
import { expect, test } from "@playwright/test";
import { colourOf } from "./bots.ts";
import { blue, type Colour, green, red } from "./media.ts";
import type { Person } from "./person.ts";

/** The goal: nobody sees a picture stand still for longer. */
export const HANDOVER_MS = 200;
/** Browsers share two cores with the server: that much is the machine's. */
export const BUSY_MS = 1_500;

/** What the people of these tests wear. */
const COLOURS: Record<string, Colour> = { anna: red, ben: green, chloe: blue };

function colour(name: string): Colour {
  return COLOURS[name] ?? colourOf(Number(/^Bot (\d+)$/.exec(name)?.[1]));
}

/** Begins to watch what each of them shows of the others. */
export async function show(...people: Person[]): Promise<void> {
  for (const [one, name] of views(people, [])) await watch(one, name);
}

/** Begins to watch what one shows of others. */
export async function watch(one: Person, ...names: string[]): Promise<void> {
  for (const name of names) await one.tab.evaluate((whom) => window.probe.show(whom), [name, colour(name)] as [string, Colour]);
}

/** Ends the watch: the longest time without a frame, in ms. Expects that nothing but the right colour was seen. */
export async function showed(...people: Person[]): Promise<number> {
  return ended(views(people, []));
}

/** Ends a watch of what these people show of each other and of others. */
export async function ended(views: readonly [Person, string][]): Promise<number> {
  const longest: number[] = [];
  for (const [one, name] of views) {
    const seen = await one.tab.evaluate((who) => window.probe.showed(who), name);
    expect(seen?.wrong, `what ${one.name} saw in the tile of ${name}`).toEqual([]);
    longest.push(seen?.longest ?? Infinity);
  }
  return Math.max(...longest);
}

/** The longest time without a frame since the watch began, or since this was asked last; it goes on. */
export async function lap(views: readonly [Person, string][]): Promise<number> {
  return Math.max(...(await Promise.all(views.map(([one, name]) => one.tab.evaluate((who) => window.probe.lap(who), name)))));
}

/**
 * Follows a change that is about to come: to the page's having this mark and so many peer connections. Ends the watch of these tiles in the
 * moment in which it is over. Tells the longest time without a frame, of whom, and what it was until the change began.
 */
export async function followed(
  one: Person,
  mark: string,
  connections: number,
  names: string[],
): Promise<{ ms: number; before: number; whose: string }> {
  const { before, seen, isOver } = await one.tab.evaluate(
    async ({ mark, connections, names, LONGEST_MS }) => {
      const hasMark = () =>
        [...document.querySelectorAll("button")].some((button) => (button.ariaLabel ?? button.innerText.trim()) === mark);
      const until = async (is: () => boolean) => {
        for (const begun = performance.now(); !is() && performance.now() - begun < LONGEST_MS;)
          await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await until(hasMark);
      const before = names.map((name) => window.probe.lap(name));
      // Both ways are there for a while.
      await until(() => window.probe.connections() > connections);
      await until(() => window.probe.connections() === connections);
      const isOver = hasMark() && window.probe.connections() === connections;
      return { before: Math.max(...before), seen: names.map((name) => ({ name, ...window.probe.showed(name) })), isOver };
    },
    { mark, connections, names, LONGEST_MS: 90_000 },
  );
  expect(isOver, `${one.name} goes "${mark}"`).toBe(true);
  for (const { name, wrong } of seen) expect(wrong, `what ${one.name} saw in the tile of ${name}`).toEqual([]);
  const all = seen.map(({ name, longest = Infinity }) => ({ ms: longest, before, whose: `${one.name} sees ${name}` }));
  return all.reduce((most, another) => (another.ms > most.ms ? another : most));
}

/** How long no frame is shown while nothing happens. */
export async function quiet(...people: Person[]): Promise<number> {
  await show(...people);
  for (const [one, name] of views(people, [])) await movesOn(one, name, 60);
  return showed(...people);
}

export async function movesOn(one: Person, name: string, frames = 10): Promise<void> {
  const shown = () => one.tab.evaluate((who) => window.probe.shown(who), name);
  const before = await shown();
  await expect.poll(shown, { message: `${one.name} is shown frames of ${name}`, timeout: 30_000 }).toBeGreaterThan(before + frames);
}

/** Everybody's tiles of the others, and of those who have no browser. */
export function views(people: readonly Person[], bots: readonly string[]): [Person, string][] {
  const names = [...people.map(({ name }) => name), ...bots];
  return people.flatMap((one) => names.filter((name) => name !== one.name).map((name): [Person, string] => [one, name]));
}

/** Waits until so many peer connections of theirs are up, and no more. */
export async function hasConnections(person: Person, count: number): Promise<void> {
  const connected = async () =>
    (await person.tab.evaluate(() => window.probe.routes(), null)).filter(({ state }) => state === "connected").length;
  await expect.poll(connected, { message: `the connections of ${person.name}`, timeout: 45_000 }).toBe(count);
}

export function figure(what: string, value: string): void {
  console.log(`    ${what}: ${value}`);
  test.info().annotations.push({ type: what, description: value });
}
