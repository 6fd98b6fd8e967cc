// Why somebody did not get in, and what to do, in words.
import type { JoinError } from "../../sdk";
import { t } from "../../i18n";

const words: Record<JoinError["code"] | "server_full", string> = {
  room_full: "join-full",
  room_not_found: "join-not-found",
  invalid_name: "join-invalid-name",
  resume_refused: "join-unavailable",
  draining: "join-draining",
  rate_limited: "join-rate-limited",
  unavailable: "join-unavailable",
  server_full: "join-server-full",
  unreachable: "join-unreachable",
};

export function joinWords(code: JoinError["code"]): string {
  return t(words[code] ?? "join-unavailable");
}
