/** Where a room's messages go, as seen from this page. */
export function roomUrl(code: string): string {
  const { protocol, host } = globalThis.location;
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws/${encodeURIComponent(code)}`;
}
