// The readings of everybody's connection as the panel shows them: what the SDK has measured, made reactive.
import type { LinkSample, Uplink } from "../../sdk";
import type { Call } from "../call.svelte";
import type { Person } from "../stage/person.svelte";

export interface Link {
  person: Person;
  /** The last reading; null before the first. */
  last: LinkSample | null;
  history: readonly LinkSample[];
}

export class Links {
  #reading = $state(0);
  #udpBlocked = $state(false);

  constructor(private readonly call: Call) {}

  /** Listens for new readings; returns what stops. For `$effect`. */
  watch = (): (() => void) => {
    const { room } = this.call;
    const diagnose = () =>
      room.diagnosis().then(
        ({ kind }) => (this.#udpBlocked = kind === "udp_blocked"),
        () => undefined,
      );
    void diagnose();
    return room.on("measured", () => {
      this.#reading += 1;
      void diagnose();
    });
  };

  /** One for each of the others, in their order. */
  list: readonly Link[] = $derived.by(() => {
    void this.#reading;
    const { room } = this.call;
    return this.call.others.map((person) => ({ person, last: room.stats(person.id), history: room.history(person.id) }));
  });

  uplink: Uplink = $derived.by(() => {
    void this.#reading;
    return this.call.room.uplink();
  });

  /** Nobody comes through well: that is hardly the fault of each of them. Of one other person it could be either side. */
  everyone: boolean = $derived.by(() => this.call.others.length > 1 && ["poor", "lost"].includes(this.call.you.quality));

  /** There are ways, but our network lets none of them be UDP. */
  tcpOnly: boolean = $derived.by(() => this.#udpBlocked && this.list.some(({ last }) => last?.path));
}
