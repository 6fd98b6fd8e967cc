// The harness itself: its routers do what routers do.
import { once } from "node:events";
import { join } from "node:path";
import type { Home, Nat } from "./internet.ts";
import { expect, test } from "./fixtures.ts";

const MAPPING = join(import.meta.dirname, "mapping.js");
const [FIRST, SECOND] = [7001, 7002];

interface Heard {
  asked: number;
  from: number;
  seen: string;
}

test("a cone NAT maps a socket to one address, a symmetric one to another for each destination; a stranger is not let in", async ({
  internet,
}) => {
  const echo = internet.server.start("node", MAPPING, "echo", String(FIRST), String(SECOND));
  try {
    await once(echo.stdout!, "data");
    const ask = (home: Home): Heard[] =>
      JSON.parse(home.host.run("node", MAPPING, "ask", internet.address, String(FIRST), String(SECOND))) as Heard[];
    for (const home of [internet.anna, internet.ben]) {
      for (const nat of ["cone", "symmetric"] satisfies Nat[]) {
        home.wifi.nat = nat;
        const heard = ask(home);
        const seen = new Set(heard.map(({ seen }) => seen));
        expect(seen.size, `addresses that a ${nat} NAT gives one socket`).toBe(nat === "cone" ? 1 : 2);
        for (const address of seen) expect(address).toMatch(new RegExp(`^${home.wifi.outside}:`));
        const strangers = heard.filter(({ asked, from }) => asked === FIRST && from === SECOND);
        expect(strangers, "answers from a port that nothing was sent to").toEqual([]);
      }
    }
    internet.anna.wifi.stop("meta l4proto udp");
    expect(ask(internet.anna), "answers while UDP is stopped").toEqual([]);
    internet.anna.wifi.stop();
    internet.anna.wifi.down();
    internet.anna.mobile.up();
    expect(ask(internet.anna)[0]?.seen, "the address on the other way").toMatch(new RegExp(`^${internet.anna.mobile.outside}:`));
  } finally {
    echo.kill();
  }
});
