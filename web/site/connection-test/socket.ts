// A WebSocket as calls have one: whether it opens, and how long a word takes there and back.
import { median } from "./median";
import type { SocketOutcome } from "./outcome";

const WITHIN_MS = 8_000;
const ROUNDS = 5;
/** RFC 6455's registry: try again later. */
const LATER = 1013;

export function testSocket(): Promise<SocketOutcome> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/connection-test/socket`);
    const trips: number[] = [];
    let [isOpen, sentAt] = [false, 0];
    const give = (outcome: SocketOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
      socket.close();
    };
    const timer = setTimeout(() => give({ is: isOpen ? "mute" : "blocked" }), WITHIN_MS);
    const send = () => {
      sentAt = performance.now();
      socket.send(`${trips.length}`);
    };
    socket.onopen = () => {
      isOpen = true;
      send();
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data !== `${trips.length}`) return;
      trips.push(performance.now() - sentAt);
      if (trips.length === ROUNDS) give({ is: "works", rttMs: median(trips) });
      else send();
    };
    socket.onclose = ({ code }) => give({ is: code === LATER ? "too_often" : isOpen ? "mute" : "blocked" });
  });
}
