// Put into every page before its own scripts run: remembers the peer connections that the page makes and measures what its
// video elements show and play. It changes nothing that the page could notice.
(() => {
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  const Native = window.RTCPeerConnection;
  if (Native) {
    window.RTCPeerConnection = new Proxy(Native, {
      construct(target, args, self) {
        const made = Reflect.construct(target, args, self);
        connections.push(made);
        return made;
      },
    });
  }
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`[csp] ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
  });

  const live = () => connections.filter((connection) => connection.connectionState !== "closed");

  /** @param {Element} element */
  function label(element) {
    const by = element.getAttribute("aria-labelledby");
    if (by)
      return by
        .split(/\s+/)
        .map((id) => document.getElementById(id)?.textContent?.trim())
        .join(" ");
    return element.getAttribute("aria-label");
  }

  /** @param {string} name */
  function tile(name) {
    return [...document.querySelectorAll("li, [role=listitem]")].find((item) => label(item) === name && item.querySelector("video"));
  }

  /** The video of a participant that is shown now. @param {string} name */
  function video(name) {
    const all = [...(tile(name)?.querySelectorAll("video") ?? [])];
    return all.find((one) => one.srcObject instanceof MediaStream && one.checkVisibility() && one.srcObject.getVideoTracks().length > 0);
  }

  /** The peer connection that brings this track. @param {MediaStreamTrack | undefined} track */
  function connectionOf(track) {
    return live().find((connection) => connection.getReceivers().some((receiver) => receiver.track.id === track?.id));
  }

  /** The peer connection behind a participant's tile, by its picture. @param {string} name */
  function connection(name) {
    const shown = video(name)?.srcObject;
    return shown instanceof MediaStream ? connectionOf(shown.getVideoTracks()[0]) : undefined;
  }

  /** @param {RTCPeerConnection | undefined} from @param {string} type */
  async function stats(from, type) {
    if (!from) return [];
    return [...(await from.getStats()).values()].filter((one) => one.type === type);
  }

  /** The colour at the centre of a participant's picture; null while there is none. @param {string} name */
  function pixel(name) {
    const shown = video(name);
    if (!shown || shown.readyState < 2 || shown.videoWidth === 0) return null;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d");
    if (!pen) return null;
    pen.drawImage(shown, shown.videoWidth / 2 - 2, shown.videoHeight / 2 - 2, 4, 4, 0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  /** Whether somebody would hear this track: an element plays it. @param {MediaStreamTrack} track */
  function isPlayed(track) {
    return [...document.querySelectorAll("audio, video")].some((element) => {
      const player = /** @type {HTMLMediaElement} */ (element);
      const stream = player.srcObject;
      const has = stream instanceof MediaStream && stream.getAudioTracks().some((one) => one.id === track.id);
      return has && !player.paused && !player.muted && player.volume > 0;
    });
  }

  /** @type {AudioContext | undefined} */
  let ears;

  /**
   * The loudest frequency of a participant's sound within `ms`, in Hz, and its level in dB; null when nothing is played.
   * @param {string} name @param {number} ms
   */
  async function tone(name, ms) {
    const track = connection(name)
      ?.getReceivers()
      .map((receiver) => receiver.track)
      .find((one) => one.kind === "audio" && one.readyState === "live");
    if (!track || !isPlayed(track)) return null;
    const context = (ears ??= new AudioContext());
    await context.resume();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    source.connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    const loudest = { hz: 0, db: -Infinity };
    const end = performance.now() + ms;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      analyser.getFloatFrequencyData(bins);
      bins.forEach((db, bin) => {
        if (bin > 2 && db > loudest.db) Object.assign(loudest, { db, hz: (bin * context.sampleRate) / analyser.fftSize });
      });
    }
    source.disconnect();
    return loudest;
  }

  /** Frames of a participant's picture decoded so far. @param {string} name */
  async function frames(name) {
    return (await stats(connection(name), "inbound-rtp"))
      .filter((one) => one.kind === "video")
      .reduce((sum, one) => sum + (one.framesDecoded ?? 0), 0);
  }

  /** Frames and audio bytes sent so far, over all connections. */
  async function sent() {
    const all = (await Promise.all(live().map((one) => stats(one, "outbound-rtp")))).flat();
    const sum = (/** @type {string} */ kind, /** @type {string} */ field) =>
      all.filter((one) => one.kind === kind).reduce((total, one) => total + (one[field] ?? 0), 0);
    return { frames: sum("video", "framesSent"), audioBytes: sum("audio", "bytesSent") };
  }

  /** How the packets of each live connection travel: its state, and the kinds of the two candidates in use. */
  async function routes() {
    return Promise.all(
      live().map(async (one) => {
        const all = [...(await one.getStats()).values()];
        const transport = all.find((stat) => stat.type === "transport" && stat.selectedCandidatePairId);
        const pair =
          all.find((stat) => stat.id === transport?.selectedCandidatePairId) ??
          all.find((stat) => stat.type === "candidate-pair" && stat.selected);
        const kind = (/** @type {string | undefined} */ id) => all.find((stat) => stat.id === id)?.candidateType;
        return { state: one.connectionState, local: kind(pair?.localCandidateId), remote: kind(pair?.remoteCandidateId) };
      }),
    );
  }

  /** @type {Map<string, { last: number, frames: number, longest: number, total: number, stop: () => void }>} */
  const watches = new Map();

  /** Begins to watch how long the picture of a participant stands still. @param {string} name */
  async function watch(name) {
    const state = { last: performance.now(), frames: await frames(name), longest: 0, total: 0, stop: () => clearInterval(timer) };
    const timer = setInterval(async () => {
      const now = await frames(name);
      // Fewer than before: the connection was made anew. None: there is no picture.
      const more = now > state.frames ? now - state.frames : now === state.frames ? 0 : now;
      if (more === 0) return void (state.longest = Math.max(state.longest, performance.now() - state.last));
      state.total += more;
      Object.assign(state, { frames: now, last: performance.now() });
    }, 50);
    watches.set(name, state);
  }

  /** Ends the watch: the longest standstill in ms, and the frames that were decoded. @param {string} name */
  function watched(name) {
    const state = watches.get(name);
    state?.stop();
    watches.delete(name);
    return state ? { longest: Math.round(Math.max(state.longest, performance.now() - state.last)), frames: state.total } : null;
  }

  /** The names of those who have a tile, in order. */
  function people() {
    return [...document.querySelectorAll("li, [role=listitem]")].filter((item) => item.querySelector("video")).map(label);
  }

  Object.defineProperty(window, "probe", {
    value: { pixel, tone, frames, sent, routes, watch, watched, people, connections: () => live().length },
  });
})();
