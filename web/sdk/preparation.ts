// The pre-join page's way to the server: a socket that is open, and a connection for media where the meeting goes through the server.
// Both change hands when the person joins.
import { roomUrl } from "./address";
import type { Preparation } from "./api";
import type { Join, Offer, ServerFrame, ServerMessage } from "./protocol.gen";
import { SUBPROTOCOL } from "./signal";
import { Arrivals } from "./transport/arrivals";
import { Link, type LinkHost } from "./transport/link";

/** Often enough for the server, and for what stands between it and us. */
const PING_MS = 10_000;
/** A lost socket is opened again after this, growing, so many times. */
const AGAIN_MS = 2_000;
const TRIES = 5;
/** Who looks at themselves for longer joins without. */
const LONGEST_MS = 300_000;

/** Opens the way to a room in the background, so that joining takes one question and its answer. Whatever fails, fails quietly. */
export function prepareRoom({ code, url = roomUrl(code) }: { code: string; url?: string }): Preparation {
  return new Preparing(url);
}

export interface Prepared {
  /** Open; null: there is none. */
  socket: WebSocket | null;
  /** The connection, as the server knows it or will by `said`. */
  link: Link | null;
  /** What to say of it at the door. */
  said: Pick<Join, "prepared" | "offer">;
}

export class Preparing implements Preparation, LinkHost {
  readonly tracks = new Map();
  readonly iceServers = [];
  readonly arrivals = new Arrivals();
  readonly #url: string;
  #socket: WebSocket | null = null;
  #link: Link | null = null;
  #offer: Offer | null = null;
  /** The offer is on its way, on this socket. */
  #said = false;
  #connection = 0;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  readonly #deadline: ReturnType<typeof setTimeout>;

  constructor(url: string) {
    this.#url = url;
    this.#deadline = setTimeout(() => this.close(), LONGEST_MS);
    this.#pinging = setInterval(() => this.#send({ type: "ping" }), PING_MS);
    this.#open();
  }

  /** What there is by now; it is the caller's from then on. */
  take(): Prepared {
    const [socket, link, offer] = [this.#socket, this.#link, this.#offer];
    const open = socket?.readyState === 1 ? socket : null;
    const said = link && open && this.#said ? { prepared: link.connection } : link && offer ? { offer } : {};
    this.#link = null;
    if (open) this.#forget();
    this.close();
    if (link && Object.keys(said).length === 0) link.close();
    return { socket: open, link: Object.keys(said).length > 0 ? link : null, said };
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
    clearInterval(this.#pinging);
    this.#drop();
  }

  // What the connection tells.

  offer(offer: Offer): boolean {
    return this.#send({ type: "prepare", offer });
  }

  changed(): void {}

  trace(): void {}

  lost(link: Link): void {
    link.close();
    if (link === this.#link) this.#link = null;
  }

  // Helpers.

  #open(): void {
    try {
      const socket = new WebSocket(this.#url, SUBPROTOCOL);
      this.#socket = socket;
      socket.onopen = () => this.#prepare();
      socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
      socket.onclose = () => socket === this.#socket && this.#again();
      const link = new Link((this.#connection += 1), 0, this);
      this.#link = link;
      void link.offered.then(
        (offer) => {
          if (link !== this.#link) return;
          this.#offer = offer;
          this.#prepare();
        },
        () => this.lost(link),
      );
    } catch {
      this.close();
    }
  }

  /** As soon as there is both a socket and an offer. */
  #prepare(): void {
    if (this.#said || !this.#offer || !this.#link || !this.offer(this.#offer)) return;
    this.#said = true;
    this.#link.said();
  }

  #receive(data: unknown): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(data as string) as ServerFrame;
    } catch {
      return;
    }
    this.#tries = 0;
    this.#message(frame);
  }

  #message(message: ServerMessage): void {
    switch (message.type) {
      case "prepared":
        // Peer to peer: there is nobody to connect with yet.
        if (message.topology === "mesh" && this.#link) this.lost(this.#link);
        return;
      case "answer":
        if (message.connection === this.#link?.connection) void this.#link.answered(message.sdp);
        return;
      case "dropped":
        if (message.connection === this.#link?.connection) this.lost(this.#link);
        return;
      case "bye":
      case "denied":
        // It is told when the person joins, if it still holds then.
        return this.close();
    }
  }

  #again(): void {
    this.#drop();
    if ((this.#tries += 1) > TRIES) return this.close();
    this.#timer = setTimeout(() => this.#open(), AGAIN_MS * 2 ** (this.#tries - 1) * (0.5 + Math.random() / 2));
  }

  #send(message: object): boolean {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #drop(): void {
    const socket = this.#socket;
    this.#forget();
    socket?.close();
    this.#link?.close();
    this.#link = this.#offer = null;
    this.#said = false;
  }

  #forget(): void {
    if (this.#socket) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = null;
  }
}
