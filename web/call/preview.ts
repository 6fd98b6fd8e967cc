// For looking at the page without a server: `npx vite`, then /call/preview.html?people=5&screens=1&messages=8&network=mixed&guest.
// For large rooms: people=200&cameras=20&held=2&talk; route=server&reason=strained&changing.
import { mount } from "svelte";
import "../styles/call.scss";
import App from "./App.svelte";
import { MockRoom, NETWORKS } from "./mock";
import { Visit } from "./visit.svelte";

const query = new URLSearchParams(location.search);
const number = (name: string, otherwise: number) => Number(query.get(name) ?? otherwise);
const title = query.get("title") ?? "Monday stand-up";
const refused = query.get("refused");

const visit = new Visit(
  {
    code: "k7fq-2mzx-9tda",
    title,
    link: `${location.origin}/r/k7fq-2mzx-9tda`,
    signed_in: !query.has("guest"),
    name: query.has("guest") ? "" : "Ada Lovelace",
    owner: true,
    home: "/",
  },
  async (options) => {
    if (refused) throw Object.assign(new Error(refused), { code: refused });
    const room = new MockRoom(options, {
      people: number("people", 4),
      screens: number("screens", 0),
      messages: number("messages", 8),
      title,
      network: NETWORKS.find((network) => network === query.get("network")) ?? "good",
      cameras: query.has("cameras") ? number("cameras", 0) : undefined,
      held: number("held", 0),
      route: query.has("route")
        ? {
            topology: query.get("route") === "server" ? "server" : "mesh",
            changing: query.has("changing"),
            reason: (["unreachable", "strained", "setting"] as const).find((reason) => reason === query.get("reason")) ?? "size",
          }
        : undefined,
    });
    if (query.has("talk")) room.talk();
    Object.assign(globalThis, { room });
    return Promise.resolve(room);
  },
);
const target = document.getElementById("call");
if (target) mount(App, { target, props: { visit } });
