// The quality mark of a tile: whether there is one, and what it says.
import type { Participant } from "../../sdk";

const WORDS = { good: "quality-good", fair: "quality-fair", poor: "quality-poor" } as const;

/** The id of what it says. Null where the tile says in other words how they are reached, or there is nothing to say: your own. */
export function markOf({ self, connection, quality }: Pick<Participant, "connection" | "quality"> & { self: boolean }) {
  return self || connection !== "connected" || quality === "lost" ? null : WORDS[quality];
}
