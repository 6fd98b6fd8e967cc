// A connection of this page with itself, through the relay there and back: what gets through here gets through in a call.
import { hasWebRtc, watchErrors, type Kinds } from "./gathering";
import { median } from "./median";
import type { RelayOutcome } from "./outcome";

/** Longer than browsers wait for a silent relay. */
const WITHIN_MS = 12_000;
const PINGS = 5;
const PINGS_WITHIN_MS = 5_000;

/** An open way through the relay. */
export interface Path {
  near: RTCDataChannel;
  far: RTCDataChannel;
  /** Aborted when the way is lost or closed. */
  ended: AbortSignal;
  close(): void;
}

export type Ends = readonly [near: RTCIceServer, far: RTCIceServer];

export async function testRelay(ends: Ends | null, kinds: Kinds): Promise<RelayOutcome> {
  if (!hasWebRtc()) return { is: "unsupported" };
  if (ends === null) return { is: "absent" };
  const path = await openPath(ends, kinds);
  if ("is" in path) return path;
  const rttMs = await roundTrip(path);
  path.close();
  return rttMs === null ? { is: "broken" } : { is: "works", rttMs };
}

/** Opens the way, or says why it cannot be. The channel is unreliable and unordered, as media is. */
export async function openPath(ends: Ends, kinds: Kinds): Promise<Path | RelayOutcome> {
  const connections: RTCPeerConnection[] = [];
  const ended = new AbortController();
  const close = () => {
    ended.abort();
    for (const connection of connections) connection.close();
  };
  try {
    for (const server of ends) connections.push(new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: "relay" }));
    const [near, far] = connections as [RTCPeerConnection, RTCPeerConnection];
    const channels = await connect(near, far, kinds, ended);
    if ("is" in channels) close();
    return "is" in channels ? channels : { ...channels, ended: ended.signal, close };
  } catch {
    close();
    return { is: "failed" };
  }
}

async function connect(near: RTCPeerConnection, far: RTCPeerConnection, kinds: Kinds, ended: AbortController) {
  const nearEnd = near.createDataChannel("test", { ordered: false, maxRetransmits: 0 });
  nearEnd.binaryType = "arraybuffer";
  const settled = new Promise<Pick<Path, "near" | "far"> | RelayOutcome>((resolve) => {
    const sides = [watch(near, far, kinds), watch(far, near, kinds)];
    const give = () => {
      const missing = sides.find((side) => !side.relayed());
      const code = missing?.errors.refused() ?? 0;
      resolve(!missing ? { is: "broken" } : code === 0 ? { is: "blocked" } : { is: "refused", code });
    };
    const timer = setTimeout(give, WITHIN_MS);
    for (const side of sides) void side.fruitless.then(give);
    for (const connection of [near, far]) {
      connection.onconnectionstatechange = () => {
        if (connection.connectionState !== "failed") return;
        give();
        ended.abort();
      };
    }
    far.ondatachannel = ({ channel: farEnd }) => {
      farEnd.binaryType = "arraybuffer";
      const opened = () => {
        clearTimeout(timer);
        resolve({ near: nearEnd, far: farEnd });
      };
      if (nearEnd.readyState === "open") opened();
      else nearEnd.onopen = opened;
    };
  });
  await near.setLocalDescription(await near.createOffer());
  await far.setRemoteDescription(near.localDescription!);
  await far.setLocalDescription(await far.createAnswer());
  await near.setRemoteDescription(far.localDescription!);
  return settled;
}

/** Hands the candidates of `from` to `to`, and notices when there are none. */
function watch(from: RTCPeerConnection, to: RTCPeerConnection, kinds: Kinds) {
  let relayed = false;
  const errors = watchErrors(from);
  const early: RTCIceCandidate[] = [];
  // One that comes amiss is none.
  const hand = (candidate: RTCIceCandidate) => void to.addIceCandidate(candidate).catch(() => undefined);
  to.addEventListener("signalingstatechange", () => {
    if (to.remoteDescription) early.splice(0).forEach(hand);
  });
  const fruitless = new Promise<void>((resolve) => {
    from.onicecandidate = ({ candidate }) => {
      if (candidate === null && !relayed) resolve();
      if (!candidate?.candidate) return;
      relayed = true;
      kinds.add(candidate);
      if (to.remoteDescription) hand(candidate);
      else early.push(candidate);
    };
  });
  return { fruitless, errors, relayed: () => relayed };
}

/** The median of a few round trips, in ms. Null: nothing comes back. */
function roundTrip({ near, far, ended }: Path): Promise<number | null> {
  return new Promise((resolve) => {
    const trips: number[] = [];
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      near.send(String(trips.length));
    };
    // A ping that got lost is not waited for for ever.
    const again = setInterval(() => send(), PINGS_WITHIN_MS / PINGS);
    const give = () => {
      clearInterval(again);
      clearTimeout(timer);
      resolve(trips.length > 0 ? median(trips) : null);
    };
    const timer = setTimeout(give, PINGS_WITHIN_MS);
    ended.addEventListener("abort", give);
    far.onmessage = ({ data }: MessageEvent<string>) => far.send(data);
    near.onmessage = ({ data }: MessageEvent<string>) => {
      if (data !== String(trips.length)) return;
      trips.push(performance.now() - sentAt);
      if (trips.length === PINGS) give();
      else send();
    };
    send();
  });
}
