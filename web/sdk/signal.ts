// The connection to the server: one WebSocket at a time, opened again when it is lost, resumed as who we were.
// Knows the protocol's life cycle (join, welcome, denied, bye, ping, seq); knows nothing of what the messages mean.
import type { ByeCode, ClientMessage, DeniedCode, Join, Resume, ServerFrame, ServerMessage, Welcome } from "./protocol.gen";

export const SUBPROTOCOL = "fireside.v1";

/** `lost`: could not (come) back. Else what the server said, or `left`: we did. */
export type SignalEnd = "left" | "lost" | ByeCode | DeniedCode;

export type SignalState =
  | { kind: "connecting" }
  | { kind: "open" }
  /** Tries again at `retryAt` (`performance.now()` time). */
  | { kind: "waiting"; retryAt: number }
  | { kind: "ended"; reason: SignalEnd };

export interface SignalHandlers {
  /** What to say at the door, as things are now. */
  join(): Omit<Join, "resume">;
  /** What else to say when we come back. */
  resume(): Omit<Resume, "token" | "seq">;
  welcome(welcome: Welcome): void;
  message(message: Exclude<ServerMessage, { type: "welcome" | "denied" | "bye" | "pong" }>): void;
  state(state: SignalState): void;
}

/** The first wait, and what each is multiplied by for the next, up to `LONGEST`; between half and all of it is waited. A server that was
 * killed is there again within a second or two, and media through it stands still until we are back: eight attempts in the first three. */
const SHORTEST_MS = 250;
const GROWTH = 1.25;
const LONGEST_MS = 5_000;
/** A connection attempt that has not led to `welcome` or `denied` by then is given up. */
const ATTEMPT_MS = 8_000;
/** The same for the first attempts to come back, growing; what waits in a network that is gone is no use. */
const RETURN_MS = 3_000;
const RETURN_GROWTH = 1.6;
/** A `ping` is answered by then, or the connection is dead. */
const PONG_MS = 5_000;
/** The same when there is a sign that it may be dead, and when there is another network. */
const PROBE_MS = 2_000;
const MOVED_MS = 1_000;
/** Failed attempts in a row after which we are lost: about four minutes. */
const ATTEMPTS = 75;
/** The first entry is waited for this long (server restarting, network hiccup) before the person is told. */
const PATIENCE_MS = 8_000;
/** A connection that held this long was a good one: the next attempt comes at once. */
const GOOD_MS = 5_000;
const MISBEHAVING_WAIT_MS = 10_000;
const GOODBYE_MS = 500;
/** So many frames are said to have arrived at once, so that the server need not keep them for us. */
const ARRIVED = 64;

/** The server asks for these to come back with the resume token. */
const COME_BACK: ReadonlySet<ByeCode> = new Set(["restarting", "too_slow", "idle"] satisfies ByeCode[]);
/** Nothing is wrong with us; it may work in a moment. */
const TRY_AGAIN: ReadonlySet<DeniedCode> = new Set(["draining", "unavailable", "rate_limited"] satisfies DeniedCode[]);

export class Signal {
  #state: SignalState = { kind: "connecting" };
  #socket: WebSocket | null = null;
  #welcomed = false;
  #welcomedAt = Number.NEGATIVE_INFINITY;
  #token: string | null = null;
  #seq = 0;
  /** The `seq` that the server was last told has arrived. */
  #told = 0;
  #attempt = 0;
  #misbehaved = false;
  #lastDenied: DeniedCode | null = null;
  /** When the answer to a `ping` is due. */
  #due = Infinity;
  /** When this attempt to connect began. */
  #openedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  readonly #since = performance.now();
  readonly #url: string;
  readonly #handlers: SignalHandlers;

  /** `opened`: a socket to it that is open already. */
  constructor(url: string, handlers: SignalHandlers, opened: WebSocket | null = null) {
    this.#url = url;
    this.#handlers = handlers;
    this.#open(opened);
  }

  get state(): SignalState {
    return this.#state;
  }

  /** Says it to the server; false: there is no connection now, nothing was sent. */
  send(message: Exclude<ClientMessage, { type: "join" }>): boolean {
    if (!this.#welcomed || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** There is a sign that the network has changed. `moved`: it has. Looks at once instead of waiting. */
  wake(moved: boolean): void {
    if (this.#welcomed) return this.#ping(moved ? MOVED_MS : PROBE_MS);
    if (this.#attempt === 0) return;
    const stale = moved && this.#state.kind === "connecting" && performance.now() - this.#openedAt > MOVED_MS;
    if (!stale && this.#state.kind !== "waiting") return;
    this.#attempt = 1;
    this.#drop();
    this.#open();
  }

  /** Says goodbye and ends; resolves when the server has heard it, or after half a second. */
  async leave(): Promise<void> {
    const socket = this.#socket;
    const said = this.send({ type: "leave" });
    this.#end("left", !said);
    if (!said || !socket) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GOODBYE_MS);
      socket.onclose = () => (clearTimeout(timer), resolve());
      socket.onmessage = () => undefined;
    });
    socket.close();
  }

  #open(opened: WebSocket | null = null): void {
    clearTimeout(this.#timer);
    this.#set({ kind: "connecting" });
    let socket: WebSocket;
    try {
      socket = opened ?? new WebSocket(this.#url, SUBPROTOCOL);
    } catch {
      return this.#end("lost");
    }
    this.#socket = socket;
    socket.onopen = () => this.#join(socket);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = () => socket === this.#socket && this.#lost();
    this.#openedAt = performance.now();
    const back = this.#token === null ? ATTEMPT_MS : RETURN_MS * RETURN_GROWTH ** Math.max(0, this.#attempt - 1);
    this.#timer = setTimeout(() => this.#lost(), Math.min(ATTEMPT_MS, back));
    if (opened) this.#join(opened);
  }

  #join(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    // The network is there. A server to which everyone comes back at once may take its time.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), ATTEMPT_MS);
    const join: Join = this.#handlers.join();
    if (this.#token !== null) {
      join.resume = { token: this.#token, seq: this.#seq, ...this.#handlers.resume() };
    }
    socket.send(JSON.stringify({ type: "join", ...join } satisfies ClientMessage));
  }

  #receive(data: unknown): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(data as string) as ServerFrame;
    } catch {
      return;
    }
    this.#heard();
    // A welcome's `seq` is not its own place in the order, but what it includes.
    if (frame.seq !== undefined && frame.type !== "welcome") {
      if (frame.seq <= this.#seq) return;
      this.#seq = frame.seq;
      if (this.#seq - this.#told >= ARRIVED) this.#ping(PONG_MS);
    }
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "denied":
        return this.#denied(frame.code);
      case "bye":
        return this.#bye(frame.code);
      case "pong":
        return;
      default:
        if (this.#welcomed) this.#handlers.message(frame);
    }
  }

  #welcome(welcome: Welcome): void {
    clearTimeout(this.#timer);
    this.#welcomed = true;
    this.#welcomedAt = performance.now();
    this.#token = welcome.resume_token;
    // Frames up to the one that we have named follow a replay; any other welcome includes them.
    if (welcome.resumed !== "replayed") this.#seq = welcome.seq;
    this.#told = this.#seq;
    this.#pinging = setInterval(() => this.#ping(PONG_MS), welcome.limits.ping_interval_ms);
    this.#handlers.welcome(welcome);
    if (this.#welcomed) this.#set({ kind: "open" });
  }

  #denied(code: DeniedCode): void {
    this.#lastDenied = code;
    if (code === "resume_refused" && this.#token !== null) {
      // Not as who we were: then as somebody new, at once.
      this.#token = null;
      this.#drop();
      return this.#open();
    }
    const first = this.#welcomedAt < 0;
    if (!TRY_AGAIN.has(code) || (first && code === "rate_limited")) return this.#end(code === "resume_refused" ? "lost" : code);
    if (code === "rate_limited") this.#attempt = Math.max(this.#attempt, 11);
    this.#lost(false);
  }

  #bye(code: ByeCode): void {
    if (code === "misbehaving" && !this.#misbehaved) {
      this.#misbehaved = true;
      this.#drop();
      return this.#wait(MISBEHAVING_WAIT_MS);
    }
    if (!COME_BACK.has(code)) return this.#end(code);
    // A server that restarts is not there at once, and everyone is told at the same moment: wait a little, each differently.
    this.#lost(code !== "restarting");
  }

  /** The connection, or the attempt at one, is over; another follows. */
  #lost(atOnce = true): void {
    const now = performance.now();
    if (this.#welcomed && now - this.#welcomedAt > GOOD_MS) this.#attempt = 0;
    this.#drop();
    const first = this.#welcomedAt < 0;
    if (first && now - this.#since > PATIENCE_MS) return this.#end(this.#lastDenied ?? "lost");
    if (this.#attempt >= ATTEMPTS) return this.#end("lost");
    const step = this.#attempt === 0 && !atOnce ? 1 : this.#attempt;
    this.#attempt = step + 1;
    this.#wait(pauseBefore(step, Math.random()));
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#open(), ms);
    this.#set({ kind: "waiting", retryAt: performance.now() + ms });
  }

  #ping(patience: number): void {
    const due = performance.now() + patience;
    // One that is out already, and is waited for no longer than that, does.
    if (this.#due <= due || !this.send({ type: "ping", seq: this.#seq })) return;
    this.#told = this.#seq;
    this.#due = due;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#lost(), patience);
  }

  #heard(): void {
    clearTimeout(this.#deadline);
    this.#due = Infinity;
  }

  /** Lets go of the socket; nothing that it still says is heard. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#heard();
    clearInterval(this.#pinging);
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    socket?.close();
  }

  #end(reason: SignalEnd, close = true): void {
    if (this.#state.kind === "ended") return;
    if (!close) this.#socket = null;
    this.#drop();
    clearInterval(this.#pinging);
    this.#set({ kind: "ended", reason });
  }

  #set(state: SignalState): void {
    this.#state = state;
    this.#handlers.state(state);
  }
}

/** How long to wait before the attempt of this number; `random` in 0…1, so that those who were lost together don't come back together. */
export function pauseBefore(attempt: number, random: number): number {
  return attempt === 0 ? 0 : Math.min(LONGEST_MS, SHORTEST_MS * GROWTH ** (attempt - 1)) * (0.5 + random / 2);
}
