// The page's life: before the call, in it, after it. Owns what outlives a single call: the devices, the choices, the notices.
import { missingSupport, type EndReason, type JoinError, type JoinOptions, type Preparation, type Room } from "../sdk";
import type { Call } from "./call.svelte";
import { Notices } from "./notices/notices.svelte";
import type { Page } from "./page";
import { Inputs } from "./settings/inputs.svelte";
import { Preferences } from "./settings/preferences.svelte";

type InCall = typeof import("./incall");

export type Phase = { kind: "prejoin" } | { kind: "call"; call: Call; View: InCall["CallView"] } | { kind: "ended"; reason: EndReason };

export class Visit {
  phase = $state.raw<Phase>({ kind: "prejoin" });
  joining = $state(false);
  error = $state<JoinError["code"] | null>(null);
  /** What a guest wants to be called. */
  name = $state("");
  nameMissing = $state(false);
  /** This browser cannot hold a call. (Without a secure context one can still join without devices.) */
  readonly tooOld = missingSupport() === "unsupported";
  readonly preferences = new Preferences();
  readonly notices = new Notices();
  readonly inputs = new Inputs(this.preferences);
  /** The way to the server, opened while the person looks at themselves. */
  #prepared: Preparation | undefined;

  constructor(
    readonly page: Page,
    /** How a call is entered; the preview page puts its own here. */
    private readonly enter?: (options: JoinOptions) => Promise<Room>,
  ) {
    this.name = this.preferences.name;
  }

  get shownName(): string {
    return this.page.signed_in ? this.page.name : this.name.trim();
  }

  /** Opens the devices; returns what stops watching them. */
  begin(): () => void {
    if (this.tooOld) return () => {};
    const stop = this.inputs.begin();
    void this.#prepare().catch(() => undefined);
    return stop;
  }

  async join(): Promise<void> {
    if (this.joining || this.tooOld) return;
    this.joining = true;
    this.error = null;
    const { microphone, camera } = this.inputs;
    const prepared = this.#prepared;
    this.#prepared = undefined;
    if (!this.page.signed_in) this.preferences.set({ name: this.name.trim() });
    try {
      const { Call, CallView, joinRoom } = await incall();
      const room = await (this.enter ?? joinRoom)({
        code: this.page.code,
        ...(this.page.signed_in ? {} : { name: this.name.trim() }),
        microphone: microphone.track,
        camera: camera.track,
        prepared,
      });
      const call = new Call(room, this.inputs, this.preferences, this.notices, (reason) => this.#ended(call, reason));
      this.phase = { kind: "call", call, View: CallView };
    } catch (error) {
      prepared?.close();
      this.error = (error as Partial<JoinError>).code ?? "unreachable";
    } finally {
      this.joining = false;
    }
  }

  /** Back in, with what was on before; nothing is asked again. */
  async rejoin(): Promise<void> {
    if (this.joining) return;
    this.joining = true;
    await this.inputs.open();
    this.joining = false;
    await this.join();
  }

  /** The page is going away: the others shall not wait for us. */
  pageHidden(): void {
    if (this.phase.kind === "call") void this.phase.call.leave();
    this.#prepared?.close();
    this.#prepared = undefined;
  }

  /** While the person looks at themselves what a call needs is loaded, and the way to the server opened: joining waits for neither. */
  async #prepare(): Promise<void> {
    await idle();
    const { prepareRoom } = await incall();
    await this.inputs.opened;
    await idle();
    // The preview page has no server. A page that is not looked at, in another tab, is not about to join.
    if (this.enter || document.hidden || this.joining || this.phase.kind !== "prejoin") return;
    this.#prepared = prepareRoom({ code: this.page.code });
  }

  #ended(call: Call, reason: EndReason): void {
    call.close();
    // Who changed it during the call comes back with it.
    this.name = call.you.name;
    this.inputs.stop();
    this.phase = { kind: "ended", reason };
  }
}

const incall = () => import("./incall");

/** When the page has nothing better to do. */
function idle(): Promise<unknown> {
  return new Promise((resolve) =>
    "requestIdleCallback" in globalThis ? requestIdleCallback(resolve, { timeout: 2000 }) : setTimeout(resolve, 200),
  );
}
