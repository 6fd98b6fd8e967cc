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
  /** Who wants to know of each message of the server.
   * @type {Set<(type: string) => void>} */
  const heard = new Set();
  window.WebSocket = new Proxy(WebSocket, {
    construct(target, args, self) {
      const made = Reflect.construct(target, args, self);
      made.addEventListener("message", (/** @type {MessageEvent} */ { data }) => {
        if (heard.size === 0) return;
        const { type } = JSON.parse(data);
        for (const tell of heard) tell(type);
      });
      return made;
    },
  });
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
   * The loudest frequency of each sound that is played within `ms` of those that come by the connection of a participant's picture, in Hz,
   * and its level in dB. Peer to peer that is theirs alone. Recorded and decoded, since an AudioContext does not run on a machine without
   * any sound device.
   * @param {string} name @param {number} ms
   */
  async function tones(name, ms) {
    const tracks = (connection(name)?.getReceivers() ?? []).map((receiver) => receiver.track);
    const played = tracks.filter((one) => one.kind === "audio" && one.readyState === "live" && one.enabled && isPlayed(one));
    const found = await Promise.all(played.map((track) => tone(track, ms)));
    return found.filter((one) => one !== null);
  }

  /** @param {MediaStreamTrack} track @param {number} ms */
  async function tone(track, ms) {
    const recorded = await record(track, ms);
    if (recorded.size === 0) return null;
    const sound = await new OfflineAudioContext(1, RATE, RATE).decodeAudioData(await recorded.arrayBuffer()).catch(() => null);
    return sound && loudest(sound.getChannelData(0));
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

  /** Frames of a participant's picture decoded so far, by the connection that brings it now. @param {string} name */
  async function frames(name) {
    return (await reading(name))?.framesDecoded ?? 0;
  }

  /** What the browser reports of the picture of a participant, as it is received now. @param {string} name */
  async function reading(name) {
    const shown = video(name)?.srcObject;
    const track = shown instanceof MediaStream ? shown.getVideoTracks()[0] : undefined;
    const all = await stats(connectionOf(track), "inbound-rtp");
    return all.find((one) => one.kind === "video" && one.trackIdentifier === track?.id);
  }

  /** How large a participant's picture arrives, and how many lines its tile has. @param {string} name */
  async function size(name) {
    const one = await reading(name);
    const tile = Math.round((video(name)?.getBoundingClientRect().height ?? 0) * devicePixelRatio);
    return { width: one?.frameWidth ?? 0, height: one?.frameHeight ?? 0, tile };
  }

  /** Frames and audio bytes sent so far, over all connections. */
  async function sent() {
    const all = (await Promise.all(live().map((one) => stats(one, "outbound-rtp")))).flat();
    const sum = (/** @type {string} */ kind, /** @type {string} */ field) =>
      all.filter((one) => one.kind === kind).reduce((total, one) => total + (one[field] ?? 0), 0);
    return { frames: sum("video", "framesSent"), audioBytes: sum("audio", "bytesSent") };
  }

  /** Everything that the browser reports of what it sends and receives. @param {string[]} types */
  async function reports(types = ["outbound-rtp", "inbound-rtp", "codec", "remote-inbound-rtp", "remote-outbound-rtp"]) {
    const all = (await Promise.all(types.flatMap((type) => live().map((one) => stats(one, type))))).flat();
    return all;
  }

  /**
   * How late a participant's picture is, and each sound that comes with it by the same connection: from capture to play, in ms, by a clock of
   * which only differences count; and how long it is held back for the other, at least.
   * @param {string} name
   */
  function late(name) {
    const shown = video(name)?.srcObject;
    const picture = shown instanceof MediaStream ? shown.getVideoTracks()[0] : undefined;
    return (connection(name)?.getReceivers() ?? []).flatMap((receiver) => {
      const played = /** @type {any} */ (receiver.getSynchronizationSources()[0]);
      if (!played || (receiver.track.kind === "video" && receiver.track.id !== picture?.id)) return [];
      const ago = performance.timeOrigin + performance.now() - played.timestamp;
      return [{ kind: receiver.track.kind, ms: played.timestamp - played.captureTimestamp, ago, held: receiver.jitterBufferTarget ?? 0 }];
    });
  }

  /** Makes every sound that comes with somebody's picture be played so much later. @param {[name: string, ms: number]} whom */
  function lag([name, ms]) {
    for (const receiver of connection(name)?.getReceivers() ?? [])
      if (receiver.track.kind === "audio") Object.assign(receiver, { playoutDelayHint: ms / 1000 });
  }

  /** The codecs that the first connection and its other end have agreed on for the first section of a kind, the preferred first. @param {string} kind */
  function agreed(kind) {
    const section = (live()[0]?.remoteDescription?.sdp ?? "").split(/^m=/m).find((one) => one.startsWith(kind)) ?? "";
    const types = section.split(/\r?\n/)[0]?.split(" ").slice(3) ?? [];
    return types.map((type) => new RegExp(`^a=rtpmap:${type} (\\S+)`, "m").exec(section)?.[1] ?? type);
  }

  /** @type {Promise<Record<string, number>>} */
  let arrival = Promise.resolve({});

  /** What somebody waits for, from the next click on: the server's word, what it sends, the picture of a participant. @param {string} name */
  function arrive(name) {
    /** @type {Record<string, number>} */
    const steps = {};
    let began = Infinity;
    const step = (/** @type {string} */ what) => {
      if (began < Infinity) steps[what] ??= Math.round(performance.now() - began);
    };
    heard.clear();
    heard.add((type) => step(`the word "${type}"`));
    arrival = new Promise((resolve) => {
      const look = () => {
        const shown = video(name);
        if (!shown) return void setTimeout(look, 2);
        step("a tile");
        shown.requestVideoFrameCallback(() => resolve((step("picture"), steps)));
      };
      document.addEventListener("click", () => ((began = performance.now()), look()), { once: true, capture: true });
    });
  }

  /** How many places for pictures the newest connection has. */
  function places() {
    return (live().at(-1)?.getTransceivers() ?? []).filter(({ receiver }) => receiver.track.kind === "video").length;
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

  /** @typedef {{ since: number, last: number, longest: number, frames: number, wrong: string[], stop: () => void }} Show */
  /** @type {Map<string, Show>} */
  const shows = new Map();
  /** What a video element shows a frame of is looked at this often. */
  const LOOK_MS = 50;
  const WRONG = 90;

  /**
   * Begins to watch what the tile of a participant shows, whichever element and connection it comes by: frame by frame, and whether its
   * colour is theirs.
   * @param {[name: string, colour: readonly number[]]} whom
   */
  function show([name, colour]) {
    const now = performance.now();
    /** @type {Show} */
    const state = { since: now, last: now, longest: 0, frames: 0, wrong: [], stop: () => undefined };
    /** @type {WeakMap<HTMLVideoElement, number>} */
    const watched = new WeakMap();
    let over = false;
    const frame = () => {
      const at = performance.now();
      state.longest = Math.max(state.longest, at - state.last);
      Object.assign(state, { last: at, frames: state.frames + 1 });
    };
    const follow = (/** @type {HTMLVideoElement} */ element) => {
      if (over) return;
      watched.set(
        element,
        element.requestVideoFrameCallback(() => {
          if (element === video(name)) frame();
          follow(element);
        }),
      );
    };
    const timer = setInterval(() => {
      const shown = video(name);
      if (shown && !watched.has(shown)) follow(shown);
      const seen = pixel(name);
      const distance = seen === null ? Infinity : Math.hypot(...colour.map((part, at) => part - (seen[at] ?? 0)));
      if (distance > WRONG && state.wrong.length < 20) state.wrong.push(`${Math.round(performance.now() - now)} ms: ${seen ?? "nothing"}`);
    }, LOOK_MS);
    state.stop = () => {
      over = true;
      clearInterval(timer);
    };
    shows.set(name, state);
  }

  /** Frames that the tile has shown since. @param {string} name */
  function shown(name) {
    return shows.get(name)?.frames ?? 0;
  }

  /** How long no frame was shown at most since the watch began or this was asked last, in ms. @param {string} name */
  function lap(name) {
    const state = shows.get(name);
    if (!state) return Infinity;
    const longest = Math.round(Math.max(state.longest, performance.now() - state.last));
    state.longest = 0;
    return longest;
  }

  /** Ends that watch: how long no frame was shown at most, in ms, and what was seen that was not theirs. @param {string} name */
  function showed(name) {
    const state = shows.get(name);
    state?.stop();
    shows.delete(name);
    return state
      ? { longest: Math.round(Math.max(state.longest, performance.now() - state.last)), frames: state.frames, wrong: state.wrong }
      : null;
  }

  /** The names of those who have a tile, in order. */
  function people() {
    return [...document.querySelectorAll("li, [role=listitem]")].filter((item) => item.querySelector("video")).map(label);
  }

  Object.defineProperty(window, "probe", {
    value: {
      pixel,
      tones,
      frames,
      size,
      sent,
      reports,
      late,
      lag,
      arrive,
      arrived: () => arrival,
      places,
      agreed,
      routes,
      watch,
      watching,
      watched,
      show,
      shown,
      lap,
      showed,
      people,
      asked: () => asked,
      connections: () => live().length,
    },
  });
})();
