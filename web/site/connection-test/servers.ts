// The STUN and TURN servers to test, with credentials that are good for nothing but that.
import type { IceServer } from "../../sdk/protocol.gen";

/** As `POST /connection-test/servers` answers. */
export interface Servers {
  /** For the two ends of a connection that we make with ourselves. */
  near: IceServer[];
  far: IceServer[];
  /** In calls of this server everything goes through the relay. */
  relay_only: boolean;
}

export type Asked = { servers: Servers } | { tooManyForS: number } | { failed: true };

export async function askServers(csrf: string): Promise<Asked> {
  try {
    const answer = await fetch("/connection-test/servers", { method: "POST", body: new URLSearchParams({ csrf }) });
    if (answer.status === 429) return { tooManyForS: Number(answer.headers.get("retry-after")) || 60 };
    return answer.ok ? { servers: (await answer.json()) as Servers } : { failed: true };
  } catch {
    return { failed: true };
  }
}

export type Way = "stun" | "udp" | "tcp" | "tls";

/** The addresses that are reached this way, as one server; null if there are none. */
export function only(servers: readonly IceServer[], way: Way): RTCIceServer | null {
  for (const { urls, ...credentials } of servers) {
    const these = urls.filter((url) => wayOf(url) === way);
    if (these.length > 0) return { ...credentials, urls: these };
  }
  return null;
}

/** The port that has to be open for this way; null if there is no such way. */
export function portOf(servers: readonly IceServer[], way: Way): string | null {
  const [url] = servers.flatMap(({ urls }) => urls).filter((url) => wayOf(url) === way);
  return url === undefined ? null : (/:(\d+)(?:\?|$)/.exec(url)?.[1] ?? (way === "tls" ? "5349" : "3478"));
}

/** RFC 7064 and RFC 7065, as far as needed. */
function wayOf(url: string): Way | null {
  const [, scheme, query] = /^(stun|turns?):[^?]+(?:\?transport=(udp|tcp))?$/i.exec(url)?.map((part) => part?.toLowerCase()) ?? [];
  if (scheme === "stun") return "stun";
  if (scheme === "turns") return query === "udp" ? null : "tls";
  return scheme === "turn" ? (query === "tcp" ? "tcp" : "udp") : null;
}
