import { expect, test } from "vitest";
import { Preferences } from "./preferences.svelte";

class Shelf implements Storage {
  readonly #kept = new Map<string, string>();
  [name: string]: unknown;
  get length() {
    return this.#kept.size;
  }
  key = () => null;
  clear = () => this.#kept.clear();
  getItem = (key: string) => this.#kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#kept.set(key, value);
  removeItem = (key: string) => void this.#kept.delete(key);
}

test("choices are remembered", () => {
  const shelf = new Shelf();
  new Preferences(shelf).set({ name: "Ada", camera: false });
  expect(new Preferences(shelf)).toMatchObject({ name: "Ada", camera: false, microphone: true });
});

test("what another version wrote is believed only where it fits", () => {
  const shelf = new Shelf();
  shelf.setItem("fireside.call", '{"name":7,"camera":"no","sounds":false,"set":"x"}');
  const preferences = new Preferences(shelf);
  expect(preferences).toMatchObject({ name: "", camera: true, sounds: false });
  expect(preferences.set).toBeTypeOf("function");
});

test("a shelf that refuses does not stop anybody", () => {
  const full = Object.assign(new Shelf(), {
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  const preferences = new Preferences(full);
  preferences.set({ name: "Ada" });
  expect(preferences.name).toBe("Ada");
});
