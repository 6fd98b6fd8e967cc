// Put into every page beside the probe: hears all that the page plays, each sound by itself, and tells afterwards when a tone was to be
// heard, from how many of them at once.
(() => {
  const RATE = 48_000;
  /** What is told of at a time. */
  const STEP_MS = 50;
  /** How loud a tone is that counts, in dB of the loudest possible. */
  const AUDIBLE_DB = -50;

  /** @typedef {{ at: number, recorder: MediaRecorder, parts: Blob[] }} Recording */
  /** @type {Map<string, Recording>} */
  const recordings = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let looking;
  let began = 0;

  /** @returns {MediaStreamTrack[]} */
  function played() {
    return [...document.querySelectorAll("audio, video")].flatMap((element) => {
      const player = /** @type {HTMLMediaElement} */ (element);
      const stream = player.srcObject;
      const isHeard = stream instanceof MediaStream && !player.paused && !player.muted && player.volume > 0;
      return isHeard ? stream.getAudioTracks().filter(({ readyState }) => readyState === "live") : [];
    });
  }

  /** Begins to listen to all that is played, and will be. */
  function listen() {
    began = performance.now();
    const look = () => {
      for (const track of played()) {
        if (recordings.has(track.id)) continue;
        const recorder = new MediaRecorder(new MediaStream([track]), { audioBitsPerSecond: 64_000 });
        const recording = { at: performance.now(), recorder, parts: /** @type {Blob[]} */ ([]) };
        recorder.onstart = () => (recording.at = performance.now());
        recorder.ondataavailable = ({ data }) => recording.parts.push(data);
        recorder.start();
        recordings.set(track.id, recording);
      }
    };
    look();
    looking = setInterval(look, 20);
  }

  /**
   * Ends it: for how long at most the tone was not to be heard at all, and for how long at most two sounds had it at once, in ms.
   * @param {number} hz
   */
  async function heard(hz) {
    clearInterval(looking);
    const length = Math.floor((performance.now() - began) / STEP_MS);
    const all = [...recordings.values()];
    recordings.clear();
    const counts = new Uint8Array(length);
    for (const recording of all) {
      const sound = await ended(recording);
      if (!sound) continue;
      const first = Math.round((recording.at - began) / STEP_MS);
      steps(sound, hz).forEach((db, index) => {
        if (db > AUDIBLE_DB && first + index < length) counts[first + index] = (counts[first + index] ?? 0) + 1;
      });
    }
    // The last moments are not in every recording.
    const whole = counts.subarray(0, Math.max(0, length - 500 / STEP_MS));
    return {
      silent: longest(whole, (count) => count === 0) * STEP_MS,
      doubled: longest(whole, (count) => count > 1) * STEP_MS,
      sounds: all.length,
      ms: length * STEP_MS,
    };
  }

  /** @param {Recording} recording @returns {Promise<Float32Array | null>} */
  async function ended({ recorder, parts }) {
    if (recorder.state !== "inactive") {
      const stopped = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.stop();
      await stopped;
    }
    const bytes = await new Blob(parts, { type: recorder.mimeType }).arrayBuffer();
    const sound = await new OfflineAudioContext(1, RATE, RATE).decodeAudioData(bytes).catch(() => null);
    return sound && sound.getChannelData(0);
  }

  /** How loud a tone is in each step, by Goertzel's filter. @param {Float32Array} sound @param {number} hz */
  function steps(sound, hz) {
    const size = (RATE * STEP_MS) / 1_000;
    const turn = 2 * Math.cos((2 * Math.PI * hz) / RATE);
    /** @type {number[]} */
    const found = [];
    for (let at = 0; at + size <= sound.length; at += size) {
      let [before, last] = [0, 0];
      for (const sample of sound.subarray(at, at + size)) [before, last] = [last, sample + turn * last - before];
      found.push(10 * Math.log10((4 * (last * last + before * before - turn * last * before)) / (size * size) + 1e-12));
    }
    return found;
  }

  /** @param {Uint8Array} counts @param {(count: number) => boolean} is */
  function longest(counts, is) {
    let [most, now] = [0, 0];
    for (const count of counts) {
      now = is(count) ? now + 1 : 0;
      most = Math.max(most, now);
    }
    return most;
  }

  Object.defineProperty(window, "ear", { value: { listen, heard } });
})();
