// The screen stays on during a call, where the browser can hold it.

/** Holds the screen; returns what lets it go. The lock is lost whenever the page is hidden, so it is taken again. */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let over = false;
  const hold = async () => {
    if (document.visibilityState !== "visible" || !navigator.wakeLock) return;
    const held = await navigator.wakeLock.request("screen").catch(() => null);
    if (over) void held?.release();
    else lock = held;
  };
  void hold();
  document.addEventListener("visibilitychange", hold);
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", hold);
    void lock?.release();
  };
}
