// Put into every page before its own scripts run: remembers the peer connections that the page makes and the devices it
// asks for, and measures what its
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
  /** @type {string[]} */
  const asked = [];
  const media = navigator.mediaDevices;
  if (media) {
    const ask = media.getUserMedia.bind(media);
    media.getUserMedia = (wanted) => {
      asked.push(["audio", "video"].filter((kind) => Reflect.get(wanted ?? {}, kind)).join(" "));
      return ask(wanted);
    };
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

  /**
   * The loudest frequency of a participant's sound within `ms`, in Hz, and its level in dB; null when nothing is played. Recorded
   * and decoded, since an AudioContext does not run on a machine without any sound device.
   * @param {string} name @param {number} ms
   */
  async function tone(name, ms) {
    const track = connection(name)
      ?.getReceivers()
      .map((receiver) => receiver.track)
      .find((one) => one.kind === "audio" && one.readyState === "live");
    if (!track || !isPlayed(track)) return null;
    const recorded = await record(track, ms);
    if (recorded.size === 0) return null;
    const sound = await new OfflineAudioContext(1, RATE, RATE).decodeAudioData(await recorded.arrayBuffer());
    return loudest(sound.getChannelData(0));
  }

  const RATE = 48_000;

  /** @param {MediaStreamTrack} track @param {number} ms @returns {Promise<Blob>} */
  function record(track, ms) {
    return new Promise((resolve) => {
      const recorder = new MediaRecorder(new MediaStream([track]));
      /** @type {Blob[]} */
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onstop = () => resolve(new Blob(parts, { type: recorder.mimeType }));
      recorder.start();
      setTimeout(() => recorder.stop(), ms);
    });
  }

  /** The strongest of the frequencies from 100 to 2000 Hz, by Goertzel's filter on the loudest sixth of a second. @param {Float32Array} sound */
  function loudest(sound) {
    const length = 8192;
    const power = (/** @type {Float32Array} */ part) => part.reduce((sum, sample) => sum + sample * sample, 0);
    /** @type {Float32Array} */
    let window = new Float32Array(0);
    for (let at = 0; at + length <= sound.length; at += length / 2) {
      const part = sound.subarray(at, at + length);
      if (window.length === 0 || power(part) > power(window)) window = part;
    }
    const found = { hz: 0, db: -Infinity };
    for (let hz = 100; hz <= 2000 && window.length > 0; hz += 5) {
      const turn = 2 * Math.cos((2 * Math.PI * hz) / RATE);
      let [before, last] = [0, 0];
      for (const sample of window) [before, last] = [last, sample + turn * last - before];
      const db = 10 * Math.log10((4 * (last * last + before * before - turn * last * before)) / (length * length));
      if (db > found.db) Object.assign(found, { hz, db });
    }
    return found;
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
        const [local, remote] = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) => all.find((stat) => stat.id === id));
        return {
          state: one.connectionState,
          local: local?.candidateType,
          remote: remote?.candidateType,
          // Over what the relay is reached: udp, tcp or tls.
          relayed: local?.relayProtocol,
        };
      }),
    );
  }

  /** @typedef {{ last: number, frames: number, longest: number, ended: number, total: number, wavered: string[], moved: () => void, stop: () => void }} State */
  /** @type {Map<string, State>} */
  const watches = new Map();

  /** Begins to watch how long the picture of a participant stands still, and the connection behind it. @param {string} name */
  async function watch(name) {
    const path = connection(name);
    /** @type {State} */
    const state = {
      last: performance.now(),
      frames: await frames(name),
      longest: 0,
      ended: 0,
      total: 0,
      wavered: [],
      moved: () => undefined,
      stop: () => undefined,
    };
    const waver = () => state.wavered.push(path?.connectionState ?? "none");
    path?.addEventListener("connectionstatechange", waver);
    const timer = setInterval(async () => {
      const now = await frames(name);
      // Fewer than before: the connection was made anew. None: there is no picture.
      const more = now > state.frames ? now - state.frames : now === state.frames ? 0 : now;
      if (more === 0) return;
      const still = performance.now() - state.last;
      if (still > state.longest) Object.assign(state, { longest: still, ended: Date.now() });
      state.total += more;
      Object.assign(state, { frames: now, last: performance.now() });
      state.moved();
    }, 100);
    state.stop = () => {
      clearInterval(timer);
      path?.removeEventListener("connectionstatechange", waver);
      if (connection(name) !== path) state.wavered.push("replaced");
    };
    watches.set(name, state);
  }

  /** Frames decoded since the watch began. @param {string} name */
  function watching(name) {
    return watches.get(name)?.total ?? 0;
  }

  /** A picture that still stands after this is not waited for. */
  const STANDS_MS = 30_000;

  /** Ends the watch with the next frame, so that no standstill is cut short: the longest one in ms and when it ended (0: it has not), the
   * frames that were decoded, what the connection went through. @param {string} name */
  async function watched(name) {
    const state = watches.get(name);
    await new Promise((resolve) => {
      if (state) state.moved = () => resolve(undefined);
      setTimeout(resolve, state ? STANDS_MS : 0);
    });
    state?.stop();
    watches.delete(name);
    if (!state) return null;
    const still = performance.now() - state.last;
    const { longest, ended } = still > state.longest ? { longest: still, ended: 0 } : state;
    return { longest: Math.round(longest), ended, frames: state.total, wavered: state.wavered };
  }

  /** The names of those who have a tile, in order. */
  function people() {
    return [...document.querySelectorAll("li, [role=listitem]")].filter((item) => item.querySelector("video")).map(label);
  }

  Object.defineProperty(window, "probe", {
    value: { pixel, tone, frames, sent, routes, watch, watching, watched, people, asked: () => asked, connections: () => live().length },
  });
})();
