// Signs that the network is another one now, or that something may have happened while nobody looked.

/** A timer that is late by more than this was asleep, with the whole machine or with the page. */
const SLEEP_MS = 5_000;
const TICK_MS = 1_000;

/** Chromium's; `type` on phones only (WICG netinfo). */
interface Connection extends EventTarget {
  type?: string;
}

/** `moved`: we have another network, or one again. Otherwise what we have may be broken, or not. Returns what ends the watch. */
export function watchNetwork(sign: (moved: boolean) => void): () => void {
  const { window, document, navigator } = globalThis as Partial<typeof globalThis>;
  const connection = (navigator as { connection?: Connection } | undefined)?.connection;
  let type = connection?.type;
  let ticked = Date.now();
  const perhaps = (): void => sign(false);
  const seen = (): void => void (document?.visibilityState !== "hidden" && sign(false));
  const online = (): void => sign(true);
  const other = (): void => {
    // Estimates of its speed change all the time; on a computer that is all it tells, of a new network too.
    const moved = connection?.type !== type;
    type = connection?.type;
    sign(moved);
  };
  const listening: [EventTarget | undefined, string, () => void][] = [
    [window, "online", online],
    [window, "offline", perhaps],
    [document, "visibilitychange", seen],
    [document, "resume", perhaps],
    [connection, "change", other],
  ];
  for (const [target, event, listener] of listening) target?.addEventListener(event, listener);
  const timer = setInterval(() => {
    // The wall clock: the other one stands still while the machine sleeps.
    const gap = Date.now() - ticked;
    ticked += gap;
    if (gap > SLEEP_MS) sign(false);
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    for (const [target, event, listener] of listening) target?.removeEventListener(event, listener);
  };
}
