// A WebSocket whose other end is the test.
import type { ClientMessage, ServerFrame } from "../protocol.gen";

export class FakeSocket {
  static all: FakeSocket[] = [];
  /** Called for each new socket; by default nothing answers. */
  static onconnect: (socket: FakeSocket) => void = () => undefined;

  readyState = 0;
  sent: ClientMessage[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  /** What the test does with what is sent. */
  heard: (message: ClientMessage) => void = () => undefined;
  /** What the test does when the client closes. */
  hungUp: () => void = () => undefined;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    FakeSocket.all.push(this);
    FakeSocket.onconnect(this);
  }

  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  static reset(): void {
    FakeSocket.all = [];
    FakeSocket.onconnect = () => undefined;
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new DOMException("not open", "InvalidStateError");
    const message = JSON.parse(text) as ClientMessage;
    this.sent.push(message);
    this.heard(message);
  }

  close(): void {
    if (this.readyState >= 2) return;
    this.readyState = 3;
    this.hungUp();
    queueMicrotask(() => this.onclose?.());
  }

  // The test's end.

  open(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.();
  }

  say(frame: ServerFrame): void {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The connection breaks, and neither end notices. */
  die(): void {
    this.heard = this.say = () => undefined;
  }

  /** The connection breaks, and both ends notice. */
  drop(): void {
    if (this.readyState >= 2) return;
    this.readyState = 3;
    this.onclose?.();
  }
}
