// The window, the document and the network of a page, as far as the SDK listens to them.
import { vi } from "vitest";

export class FakePage {
  readonly window = new EventTarget();
  readonly document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  readonly connection: EventTarget & { type?: string } = Object.assign(new EventTarget(), { type: "wifi" });

  constructor() {
    vi.stubGlobal("window", this.window);
    vi.stubGlobal("document", this.document);
    vi.stubGlobal("navigator", { connection: this.connection });
  }

  show(visible: boolean): void {
    this.document.visibilityState = visible ? "visible" : "hidden";
    this.document.dispatchEvent(new Event("visibilitychange"));
  }
}
