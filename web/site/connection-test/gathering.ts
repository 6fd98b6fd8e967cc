// What a browser finds out about its own addresses, and what it says when a server does not answer.

/** The kinds of candidates that were found, for the report: never their addresses. */
export class Kinds {
  readonly #seen = new Set<string>();

  add({ type, protocol, address, relayProtocol }: RTCIceCandidate & { relayProtocol?: string | null }): void {
    if (type) this.#seen.add(`${type} ${(type === "relay" && relayProtocol) || protocol}${family(address)}`);
  }

  /** "host udp IPv4, srflx udp IPv4, relay tcp IPv6" */
  toString(): string {
    return [...this.#seen].join(", ");
  }
}

/** Browsers that keep an address to themselves give a name in its place. */
function family(address: string | null): string {
  if (!address || address.endsWith(".local")) return "";
  return address.includes(":") ? " IPv6" : " IPv4";
}

/** W3C webrtc, 4.8.2: the server could not be reached. */
const NO_ANSWER = 701;

/** The last error that a server answered with; 0: none did, or this browser does not tell. */
export function watchErrors(connection: RTCPeerConnection): { refused(): number; silent(): boolean } {
  const codes: number[] = [];
  connection.addEventListener("icecandidateerror", ({ errorCode }) => void codes.push(errorCode));
  return {
    refused: () => codes.findLast((code) => code !== NO_ANSWER) ?? 0,
    silent: () => codes.includes(NO_ANSWER),
  };
}

/** This browser tells of errors while gathering. */
export const tellsErrors = (): boolean => "onicecandidateerror" in RTCPeerConnection.prototype;

export const hasWebRtc = (): boolean => typeof RTCPeerConnection === "function";
