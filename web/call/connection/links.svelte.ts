// The readings of everybody's connection as the panel shows them: what the SDK has measured, made reactive.
import type { LinkSample, Uplink } from "../../sdk";
import { t } from "../../i18n";
import type { Call } from "../call.svelte";
import type { Person } from "../stage/person.svelte";
import { sum } from "./sum";

export interface Link {
  /** Who is reached by it: one of the others, or the server, which passes on what many of them send. */
  person: Pick<Person, "id" | "name" | "connection" | "quality" | "diagnosis">;
  server: boolean;
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

  /** The way to the server, if it passes anything on, then one to each of the others who has a way of their own, in their order. */
  list: readonly Link[] = $derived.by(() => {
    void this.#reading;
    const { room, others } = this.call;
    const all = others.map((person) => ({ person, server: false, last: room.stats(person.id), history: room.history(person.id) }));
    const direct = all.filter(({ last }) => last?.via !== "server");
    return direct.length < all.length ? [this.#server(), ...direct] : direct;
  });

  #server(): Link {
    const { room, others, you } = this.call;
    const history = sum(others.map(({ id }) => room.history(id)));
    const name = t("connection-media-server");
    const connection = history.at(-1)?.path ? "connected" : "reconnecting";
    return {
      person: { id: "", name, connection, quality: you.quality, diagnosis: null },
      server: true,
      last: history.at(-1) ?? null,
      history,
    };
  }

  uplink: Uplink = $derived.by(() => {
    void this.#reading;
    return this.call.room.uplink();
  });

  /** Nobody comes through well: that is hardly the fault of each of them. Of one other person it could be either side. */
  everyone: boolean = $derived.by(() => this.call.others.length > 1 && ["poor", "lost"].includes(this.call.you.quality));

  /** There are ways, but our network lets none of them be UDP. */
  tcpOnly: boolean = $derived.by(() => this.#udpBlocked && this.list.some(({ last }) => last?.path));
}
