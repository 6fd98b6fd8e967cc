// The call as the page shows it: wires the SDK's room to the view models of the features and says in words what happens.
import type { EndReason, ErrorCode, Participant, Room, RoomState, RouteInfo } from "../sdk";
import { t } from "../i18n";
import { ChatBox } from "./chat/chat.svelte";
import { ScreenShare } from "./controls/screen.svelte";
import type { Notices } from "./notices/notices.svelte";
import { play } from "./notices/sounds";
import type { Input, Inputs } from "./settings/inputs.svelte";
import type { Preferences } from "./settings/preferences.svelte";
import { troubleWords } from "./settings/trouble";
import { Loudspeakers } from "./stage/loudspeakers.svelte";
import { Person } from "./stage/person.svelte";
import { Seating } from "./stage/seating.svelte";

export type Panel = "chat" | "people" | "connection";

/** With more people than this somebody comes or goes all the time: that is no news, and certainly no sound. */
const NEWS_UP_TO = 12;

export class Call {
  readonly you: Person;
  others = $state.raw<readonly Person[]>([]);
  state = $state.raw<RoomState>({ kind: "connected" });
  /** How media travels. */
  route = $state.raw<RouteInfo>({ topology: "mesh", changing: false, reason: "size" });
  title = $state("");
  panel = $state<Panel | null>(null);
  /** The person whom the panel was opened for. */
  about: string | null = null;
  /** What shows and explains connections; loaded when it is needed first. */
  connection = $state.raw<typeof import("./connection") | null>(null);
  /** The clock of the header, in `Date.now()` time; ticks once a second. */
  now = $state.raw(Date.now());
  readonly chat: ChatBox;
  readonly screen: ScreenShare;
  readonly loudspeakers: Loudspeakers;
  readonly seating: Seating;
  /** Everybody by their id. */
  readonly #known = new Map<string, Person>();
  readonly #cleanup: (() => void)[] = [];

  constructor(
    readonly room: Room,
    readonly inputs: Inputs,
    readonly preferences: Preferences,
    readonly notices: Notices,
    private readonly onended: (reason: EndReason) => void,
  ) {
    this.you = new Person(room.local, true);
    this.#known.set(this.you.id, this.you);
    this.others = room.participants.map((participant) => this.#meet(participant));
    this.seating = new Seating(this.you, this.others);
    this.#up = new Set(this.others.filter((person) => person.handRaisedAt !== null).map((person) => person.id));
    this.route = room.route;
    this.title = room.info.title;
    this.state = room.state;
    this.chat = new ChatBox(room.chat, room.limits.chat_chars);
    this.screen = new ScreenShare(room.local, notices);
    this.loudspeakers = new Loudspeakers(preferences);
    this.#listen();
    this.#adopt(inputs.microphone);
    this.#adopt(inputs.camera);
    this.loudspeakers.play(room.voices);
    const tick = setInterval(() => (this.now = Date.now()), 1000);
    this.#cleanup.push(() => clearInterval(tick));
  }

  /** Everyone as on the stage: the others in the order they came, you last. */
  everyone: readonly Person[] = $derived.by(() => [...this.others, this.you]);
  /** Those whose hand is up, the first to raise it first. */
  hands: readonly Person[] = $derived.by(() =>
    this.everyone.filter((person) => person.handRaisedAt !== null).sort((a, b) => (a.handRaisedAt ?? 0) - (b.handRaisedAt ?? 0)),
  );
  /** The others who share a screen; your own is before you already. */
  screens: readonly Person[] = $derived.by(() =>
    // Through the server nothing comes of a screen before it is shown; who cannot be reached has none to show.
    this.others.filter((person) => person.screen && (person.connection === "connected" || person.tracks.screen)),
  );
  /** Seconds since the meeting began. */
  seconds: number = $derived.by(() => Math.max(0, Math.floor((this.now - this.room.startedAt) / 1000)));

  /** 1 for the first hand that was raised, 0 when it is down. */
  handOrder(person: Person): number {
    return this.hands.indexOf(person) + 1;
  }

  toggleHand(): void {
    this.room.raiseHand(this.you.handRaisedAt === null);
  }

  togglePanel(panel: Panel): void {
    this.show(this.panel === panel ? null : panel);
  }

  show(panel: Panel | null, about: string | null = null): void {
    this.panel = panel;
    this.about = about;
    if (panel === "connection") void this.#loadConnection();
    this.chat.visible(panel === "chat");
    if (panel === "chat") this.notices.drop("message");
  }

  rename(name: string): void {
    const trimmed = name.trim();
    if (trimmed && trimmed !== this.you.name) this.room.rename(trimmed);
  }

  /** Tries to reach somebody again at once. */
  retry({ id }: Pick<Person, "id">): void {
    this.room.retry(id);
  }

  async leave(): Promise<void> {
    await this.room.leave();
  }

  /** Ends everything that this call started. */
  close(): void {
    for (const stop of this.#cleanup.splice(0)) stop();
    for (const input of [this.inputs.microphone, this.inputs.camera]) {
      input.destination = null;
      input.onreplaced = input.ontrouble = () => {};
    }
    this.screen.close();
    this.loudspeakers.close();
    this.seating.close();
  }

  /** From now on the input's track goes to the room. */
  #adopt(input: Input): void {
    input.destination = (track) => this.room.local.setTrack(input.kind, track);
    input.onreplaced = (device) => this.notices.say(t(replaced[input.kind], { device }), "trouble");
    input.ontrouble = () => this.notices.say(troubleWords(input) ?? "", "trouble");
    // What changed while the room was being joined.
    if (input.track !== this.room.local.track(input.kind)) void input.destination(input.track);
  }

  #listen(): void {
    const { room, notices } = this;
    this.#cleanup.push(
      room.on("updated", (participant) => this.#update(participant)),
      room.on("voices", () => this.loudspeakers.play(room.voices)),
      room.on("route", (route) => (this.route = route)),
      room.on("participants", () => this.#reconcile()),
      room.on("joined", (participant) => this.#came(participant)),
      room.on("left", ({ participant, reason }) => {
        if (this.others.length >= NEWS_UP_TO) return;
        notices.say(t(reason === "lost" ? "notice-lost" : "notice-left", { name: participant.name }));
        if (this.preferences.sounds) play("left");
      }),
      room.on("state", (state) => this.#changed(state)),
      room.on("room", (info) => (this.title = info.title)),
      room.on("chat", () => this.chat.sync()),
      room.on("message", (message) => {
        this.chat.arrived(message);
        if (this.panel !== "chat") notices.say(t("notice-message", { name: message.name, text: message.text.slice(0, 160) }), "message");
      }),
      room.on("refused", ({ code }) => notices.say(t(refusals[code]), "trouble")),
      room.on("source_lost", (source) => source === "screen" && this.screen.lost()),
      room.on("unreachable", ({ participant, diagnosis }) => {
        const person = this.#known.get(participant.id);
        if (person) person.diagnosis = diagnosis;
        void this.#loadConnection();
      }),
    );
  }

  async #loadConnection(): Promise<void> {
    try {
      this.connection ??= await import("./connection");
    } catch {
      if (this.panel !== "connection") return;
      this.show(null);
      this.notices.say(t("join-unreachable"), "trouble");
    }
  }

  #meet(participant: Participant): Person {
    const known = this.#known.get(participant.id);
    if (known?.participant === participant) return known;
    const person = new Person(participant, false);
    this.#known.set(person.id, person);
    return person;
  }

  #reconcile(): void {
    this.others = this.room.participants.map((participant) => this.#meet(participant));
    const here = new Set(this.others);
    for (const [id, person] of this.#known) if (person !== this.you && !here.has(person)) this.#known.delete(id);
    this.seating.people(this.others);
    this.#announceHands();
  }

  /** Somebody changed. In a large room this is all day long, so it is about nobody else. */
  #update(participant: Participant): void {
    const person = this.#known.get(participant.id);
    if (!person) return;
    const { screen, handRaisedAt } = person;
    person.sync();
    if (person.screen && !screen && !person.self) this.seating.shared();
    if (person.handRaisedAt !== handRaisedAt) this.#announceHands();
  }

  #came(participant: Participant): void {
    this.#reconcile();
    if (this.others.length >= NEWS_UP_TO) return;
    this.notices.say(t("notice-joined", { name: participant.name }));
    if (this.preferences.sounds) play("joined");
  }

  /** Whose hand is known to be up; those of the beginning are no news. */
  #up: ReadonlySet<string>;

  #announceHands(): void {
    const up = new Set<string>();
    for (const person of this.others) {
      if (person.handRaisedAt === null) continue;
      up.add(person.id);
      if (!this.#up.has(person.id)) this.notices.say(t("notice-hand", { name: person.name }));
    }
    this.#up = up;
  }

  #changed(state: RoomState): void {
    const before = this.state.kind;
    this.state = state;
    if (state.kind === "ended") this.onended(state.reason);
    if (state.kind === "connected" && before === "reconnecting") this.notices.say(t("notice-back"));
  }
}

const replaced = { microphone: "microphone-replaced", camera: "camera-replaced" };

const refusals: Record<ErrorCode, string> = {
  invalid_json: "refused-version",
  invalid_message: "refused-version",
  unknown_type: "refused-version",
  not_text: "refused-version",
  not_joined: "refused-version",
  already_joined: "refused-version",
  signal_too_large: "refused-media",
  offer_too_large: "refused-media",
  too_many_tiles: "refused-version",
  signal_to_self: "refused-media",
  frame_too_large: "refused-too-long",
  rate_limited: "refused-rate",
  invalid_name: "refused-name",
  chat_empty: "refused-empty",
  chat_too_long: "refused-too-long",
  chat_not_saved: "refused-not-saved",
  unknown_participant: "refused-gone",
  history_unavailable: "refused-history",
};
