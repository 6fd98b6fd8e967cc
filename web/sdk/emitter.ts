// Typed events, nothing more. A listener that throws is reported and never keeps the others from hearing.
import type { Events } from "./api";

type Listener = (detail: never) => void;

export class Emitter<Map> implements Events<Map> {
  readonly #listeners = new globalThis.Map<keyof Map, Set<Listener>>();

  on<K extends keyof Map>(event: K, listener: (detail: Map[K]) => void): () => void {
    let listeners = this.#listeners.get(event);
    if (!listeners) this.#listeners.set(event, (listeners = new Set()));
    // Its own function each time, so that the same listener given twice is two registrations.
    const entry: Listener = (detail) => listener(detail);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  emit<K extends keyof Map>(event: K, ...[detail]: Map[K] extends void ? [] : [detail: Map[K]]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(detail as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
