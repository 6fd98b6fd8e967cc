// Why a microphone, a camera or a screen cannot be had, and what to do, in words.
import { t } from "../../i18n";
import type { Input, InputKind, Trouble } from "./inputs.svelte";

const words: Record<InputKind, Record<Trouble, string>> = {
  microphone: {
    denied: "microphone-denied",
    not_found: "microphone-not-found",
    busy: "microphone-busy",
    insecure: "devices-insecure",
    unsupported: "devices-unsupported",
    overconstrained: "microphone-failed",
    failed: "microphone-failed",
    unplugged: "microphone-unplugged",
  },
  camera: {
    denied: "camera-denied",
    not_found: "camera-not-found",
    busy: "camera-busy",
    insecure: "devices-insecure",
    unsupported: "devices-unsupported",
    overconstrained: "camera-failed",
    failed: "camera-failed",
    unplugged: "camera-unplugged",
  },
};

/** What is wrong with the input, and what to do; null when nothing is. */
export function troubleWords(input: Input): string | null {
  return input.trouble && t(words[input.kind][input.trouble]);
}

/** Both troubles, said once where they are the same. */
export function allTroubles(inputs: readonly Input[]): string[] {
  const [first, second] = inputs;
  if (first?.trouble && first.trouble === second?.trouble) {
    if (first.trouble === "denied") return [t("devices-denied")];
    if (first.trouble === "not_found") return [t("devices-not-found")];
  }
  return [...new Set(inputs.map(troubleWords).filter((text) => text !== null))];
}
