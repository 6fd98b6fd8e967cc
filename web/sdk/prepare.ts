// A way to the server that is open before the person joins. What it takes is loaded when it is asked for.
import type { Preparation } from "./api";
import { roomUrl } from "./address";
import type { Prepared, Preparing } from "./preparation";

/** Opens the way to a room in the background, so that joining takes one question and its answer. Whatever fails, fails quietly. */
export function prepareRoom({ code, url = roomUrl(code) }: { code: string; url?: string }): Preparation {
  return new Handle(url);
}

export class Handle implements Preparation {
  #preparing: Preparing | null = null;
  #closed = false;

  constructor(url: string) {
    void import("./preparation").then(
      (loaded) => void (this.#closed || (this.#preparing = new loaded.Preparing(url))),
      () => undefined,
    );
  }

  /** What there is by now; it is the caller's from then on. */
  take(): Prepared | null {
    const taken = this.#preparing?.take() ?? null;
    this.close();
    return taken;
  }

  close(): void {
    this.#closed = true;
    this.#preparing?.close();
    this.#preparing = null;
  }
}
