// Sharing the own screen: on, off, and ended from the browser's own bar.
import { asDeviceError, openScreen, type LocalParticipant } from "../../sdk";
import { t } from "../../i18n";
import type { Notices } from "../notices/notices.svelte";

export class ScreenShare {
  on = $state(false);
  starting = $state(false);
  #closed = false;

  constructor(
    private readonly local: LocalParticipant,
    private readonly notices: Notices,
  ) {}

  async toggle(): Promise<void> {
    if (this.starting) return;
    await (this.on ? this.stop() : this.start());
  }

  async start(): Promise<void> {
    this.starting = true;
    try {
      const { screen, screen_audio } = await openScreen();
      if (this.#closed) return [screen, screen_audio].forEach((track) => track?.stop());
      this.on = true;
      await this.local.setTrack("screen", screen);
      if (screen_audio) await this.local.setTrack("screen_audio", screen_audio);
    } catch (error) {
      this.#explain(error);
    } finally {
      this.starting = false;
    }
  }

  async stop(): Promise<void> {
    this.on = false;
    await Promise.all([this.local.setTrack("screen", null), this.local.setTrack("screen_audio", null)]);
  }

  /** Ended by the browser's bar, or the window was closed. */
  lost(): void {
    if (!this.on) return;
    void this.stop();
    this.notices.say(t("screen-ended"));
  }

  close(): void {
    this.#closed = true;
  }

  #explain(error: unknown): void {
    const { code } = asDeviceError(error, "screen");
    // Closing the picker is a choice, not a failure; a refusal by the system looks the same and has its own window.
    if (code === "denied") this.notices.say(t("screen-denied"));
    else this.notices.say(t(code === "unsupported" || code === "insecure" ? "screen-unsupported" : "screen-failed"), "trouble");
  }
}
