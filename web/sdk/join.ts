import type { JoinOptions, Room } from "./api";

/** Enters a meeting. Rejects with `JoinError`. */
export async function joinRoom(options: JoinOptions): Promise<Room> {
  throw Object.assign(new Error(options.code), { code: "unreachable" as const });
}
