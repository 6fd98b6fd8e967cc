// Our address as the server sees it. That there is an answer at all says that UDP gets out, and back in.
import { hasWebRtc, tellsErrors, watchErrors, type Kinds } from "./gathering";
import type { StunOutcome } from "./outcome";

/** Browsers give a silent server up after 9.5 s or so. */
const WITHIN_MS = 11_000;

export async function testStun(server: RTCIceServer | null, kinds: Kinds): Promise<StunOutcome> {
  if (!hasWebRtc()) return { is: "unsupported" };
  if (server === null) return { is: "absent" };
  let connection: RTCPeerConnection | undefined;
  try {
    connection = new RTCPeerConnection({ iceServers: [server] });
    return await gather(connection, kinds);
  } catch {
    return { is: "failed" };
  } finally {
    connection?.close();
  }
}

async function gather(connection: RTCPeerConnection, kinds: Kinds): Promise<StunOutcome> {
  const errors = watchErrors(connection);
  const found: RTCIceCandidate[] = [];
  const outcome = new Promise<StunOutcome>((resolve) => {
    const end = (isComplete: boolean) => {
      const seen = found.find(({ type }) => type === "srflx");
      // A machine that has its public address itself gets no second candidate of it (RFC 8445, 5.1.3): an answer came if none is missed.
      const same = isComplete && tellsErrors() && !errors.silent() && errors.refused() === 0 && found.length > 0;
      resolve(seen || same ? { is: "works", address: seen?.address ?? null } : { is: "blocked" });
    };
    const timer = setTimeout(() => end(false), WITHIN_MS);
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) {
        found.push(candidate);
        kinds.add(candidate);
      }
      if (candidate !== null && candidate.type !== "srflx") return;
      clearTimeout(timer);
      end(candidate === null);
    };
  });
  connection.createDataChannel("test");
  await connection.setLocalDescription(await connection.createOffer());
  return outcome;
}
