// When something new has arrived in a track, told by the browser's counters: for a picture, when one was decoded that is surely new; for
// sound, when packets come. Reads them only while somebody waits.

/** A frame or two of a camera. */
const EVERY_MS = 40;
/** Where it is not said which pictures are whole ones: by then what is decoded is no longer what was there before. */
const SURELY_MS = 300;

interface Counts {
  packets: number;
  frames: number;
  whole: number | undefined;
}

interface Awaited {
  track: MediaStreamTrack;
  since: number;
  /** The counts when it began. */
  base: Counts | undefined;
  done(): void;
}

/** Reads one peer connection. */
export type Reading = () => Promise<RTCStatsReport | null>;

const NOTHING: Counts = { packets: 0, frames: 0, whole: 0 };

export class Arrivals {
  readonly #awaited = new Map<Awaited, Reading>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Calls `done` when something new has arrived in the track; `read` reads its connection. `first`: nothing ever came in it before, so
   * that anything is new. Returns what stops waiting. */
  expect(track: MediaStreamTrack, read: Reading, done: () => void, first = false): () => void {
    const awaited: Awaited = { track, since: performance.now(), base: first ? NOTHING : undefined, done };
    this.#awaited.set(awaited, read);
    if (this.#timer === undefined) this.#wait(0);
    return () => void this.#awaited.delete(awaited);
  }

  close(): void {
    this.#awaited.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => void this.#look().catch(() => undefined), ms);
  }

  async #look(): Promise<void> {
    const timer = this.#timer;
    await Promise.all([...new Set(this.#awaited.values())].map((read) => this.#read(read).catch(() => undefined)));
    if (timer !== this.#timer) return;
    this.#timer = undefined;
    if (this.#awaited.size > 0) this.#wait(EVERY_MS);
  }

  async #read(read: Reading): Promise<void> {
    const asked = [...this.#awaited].flatMap(([awaited, reading]) => (reading === read ? [awaited] : []));
    const report = await read();
    if (!report) return;
    const counts = countsIn(report);
    for (const awaited of asked) {
      if (!this.#awaited.has(awaited)) continue;
      const now = counts.get(awaited.track.id) ?? NOTHING;
      const base = (awaited.base ??= now);
      if (!isNew(awaited, base, now)) continue;
      this.#awaited.delete(awaited);
      awaited.done();
    }
  }
}

function isNew({ track, since }: Awaited, base: Counts, now: Counts): boolean {
  if (track.kind === "audio") return now.packets > base.packets;
  if (now.frames <= base.frames) return false;
  if (base.frames === 0) return true;
  const whole = now.whole !== undefined && base.whole !== undefined && now.whole > base.whole;
  return whole || performance.now() - since >= SURELY_MS;
}

/** By the track's id. */
function countsIn(report: RTCStatsReport): Map<string, Counts> {
  const found = new Map<string, Counts>();
  report.forEach((entry: Record<string, unknown>) => {
    if (entry.type !== "inbound-rtp") return;
    const id = String(entry.trackIdentifier);
    const before = found.get(id) ?? NOTHING;
    const whole = entry.keyFramesDecoded;
    found.set(id, {
      packets: before.packets + (Number(entry.packetsReceived) || 0),
      frames: before.frames + (Number(entry.framesDecoded) || 0),
      whole: whole === undefined ? undefined : (before.whole ?? 0) + (Number(whole) || 0),
    });
  });
  return found;
}
