// Which address a router gives to a socket, as seen from outside; much like STUN. `echo PORT PORT` answers there with the address of
// the sender, each time from both ports. `ask HOST PORT PORT` prints what it hears: `{ asked, from, seen }`, one JSON array.
import { createSocket } from "node:dgram";

const QUIET_MS = 300;
const [, , role, ...words] = process.argv;
if (role === "echo") echo(words.map(Number));
if (role === "ask") ask(words[0] ?? "", words.slice(1).map(Number));

/** @param {number[]} ports */
function echo(ports) {
  let ready = 0;
  const sockets = ports.map((port) => createSocket("udp4").bind(port, () => ++ready === ports.length && console.log("ready")));
  for (const socket of sockets) {
    socket.on("message", (_, from) => {
      const words = JSON.stringify({ asked: socket.address().port, seen: `${from.address}:${from.port}` });
      for (const answering of sockets) answering.send(words, from.port, from.address);
    });
  }
}

/** Asks at one port after the other, so that answers from a port that was not asked yet are unasked for. @param {string} host @param {number[]} ports */
function ask(host, ports) {
  const socket = createSocket("udp4");
  /** @type {{ asked: number, from: number, seen: string }[]} */
  const heard = [];
  let next = 0;
  /** @type {NodeJS.Timeout | undefined} */
  let quiet;
  const goOn = () => {
    clearTimeout(quiet);
    const port = ports[next++];
    if (port === undefined) {
      console.log(JSON.stringify(heard));
      return void socket.close();
    }
    socket.send("?", port, host);
    quiet = setTimeout(goOn, QUIET_MS);
  };
  socket.on("message", (words, { port: from }) => {
    heard.push({ ...JSON.parse(words.toString()), from });
    quiet?.refresh();
  });
  socket.on("listening", goOn);
  socket.bind();
}
