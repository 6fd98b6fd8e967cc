// The page's life: before the call, in it, after it. Owns what outlives a single call: the devices, the choices, the notices.
import { joinRoom, missingSupport, type EndReason, type JoinError, type JoinOptions, type Room } from "../sdk";
import { Call } from "./call.svelte";
import { Notices } from "./notices/notices.svelte";
import type { Page } from "./page";
import { Inputs } from "./settings/inputs.svelte";
import { Preferences } from "./settings/preferences.svelte";

export type Phase = { kind: "prejoin" } | { kind: "call"; call: Call } | { kind: "ended"; reason: EndReason };

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

  constructor(
    readonly page: Page,
    /** How a call is entered; the preview page puts its own here. */
    private readonly enter: (options: JoinOptions) => Promise<Room> = joinRoom,
  ) {
    this.name = this.preferences.name;
  }

  get shownName(): string {
    return this.page.signed_in ? this.page.name : this.name.trim();
  }

  /** Opens the devices; returns what stops watching them. */
  begin(): () => void {
    return this.tooOld ? () => {} : this.inputs.begin();
  }

  async join(): Promise<void> {
    if (this.joining || this.tooOld) return;
    this.joining = true;
    this.error = null;
    const { microphone, camera } = this.inputs;
    if (!this.page.signed_in) this.preferences.set({ name: this.name.trim() });
    try {
      const room = await this.enter({
        code: this.page.code,
        ...(this.page.signed_in ? {} : { name: this.name.trim() }),
        microphone: microphone.track,
        camera: camera.track,
      });
      const call = new Call(room, this.inputs, this.preferences, this.notices, (reason) => this.#ended(call, reason));
      this.phase = { kind: "call", call };
    } catch (error) {
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
  }

  #ended(call: Call, reason: EndReason): void {
    call.close();
    // Who changed it during the call comes back with it.
    this.name = call.you.name;
    this.inputs.stop();
    this.phase = { kind: "ended", reason };
  }
}
