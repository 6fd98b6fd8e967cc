// The browser that the SDK's tests run in.
import { afterEach, beforeEach, vi } from "vitest";
import { FakePeer } from "./fake-peer";
import { FakeSocket } from "./fake-socket";

/** Puts the fakes in place for every test of the file that calls it. Time stands still until a test moves it. */
export function fakeBrowser(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.stubGlobal("RTCPeerConnection", FakePeer);
    vi.stubGlobal("MediaStream", class {});
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    FakeSocket.reset();
    FakePeer.reset();
  });
}

/** Lets everything happen that needs no time. */
export const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1);

/** Lets this many milliseconds pass. */
export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
