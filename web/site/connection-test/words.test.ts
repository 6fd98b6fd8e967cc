// Every outcome has its words, and every sentence of the catalogue is said by something.
import { FluentBundle, FluentResource } from "@fluent/bundle";
import { expect, test } from "vitest";
import call from "../../i18n/en/call.ftl?raw";
import catalogue from "../../i18n/en/connection-test.ftl?raw";
import { TESTS, type Outcome, type Outcomes, type Test } from "./outcome";
import { explanation, said, stateWord, t } from "./words";
import { only, portOf } from "./servers";

const idsOf = (text: string) => [...text.matchAll(/^([a-z][\w-]*) =/gm)].map(([, id = ""]) => id);
const ids = idsOf(catalogue);
const place = { host: "meet.example.org", port: "8000" };

const device = ["denied", "not_found", "busy", "insecure", "unsupported", "overconstrained", "failed", "skipped"] as const;
const relay: Outcomes["udp"][] = [
  { is: "works", rttMs: 20 },
  { is: "refused", code: 486 },
  ...(["blocked", "broken", "absent", "unsupported", "failed"] as const).map((is) => ({ is })),
];
const speeds = [5_000, 1_500, 400, 150, 10];
const all: { [T in Test]: Outcomes[T][] } = {
  camera: [{ is: "works", width: 1280, height: 720 }, { is: "dark" }, ...device.map((is) => ({ is }))],
  microphone: [{ is: "works" }, { is: "silent" }, ...device.map((is) => ({ is }))],
  socket: [{ is: "works", rttMs: 0.2 }, ...(["blocked", "mute", "too_often"] as const).map((is) => ({ is }))],
  stun: [{ is: "works", address: null }, ...(["blocked", "absent", "unsupported", "failed"] as const).map((is) => ({ is }))],
  udp: relay,
  tcp: relay,
  tls: relay,
  speed: [
    ...speeds.map((kbps) => ({ is: "works", kbps, lossPercent: kbps === 10 ? 30 : 0, most: false, over: "udp" }) as const),
    ...(["unreachable", "absent", "unsupported", "failed"] as const).map((is) => ({ is })),
  ],
};

test("the catalogue is well formed, and its ids are nobody else's", () => {
  expect(new FluentBundle("en").addResource(new FluentResource(catalogue))).toEqual([]);
  expect(new Set([...ids, ...idsOf(call)]).size).toBe(ids.length + idsOf(call).length);
  for (const id of ids) expect(id.startsWith("test-"), id).toBe(true);
});

test("every outcome has a word and a sentence, with nothing left open", () => {
  for (const test of TESTS) {
    for (const outcome of all[test] as Outcome[]) {
      const words = [stateWord(test, outcome as never), explanation(test, outcome as never, place)];
      for (const text of words) expect(text, `${test} ${outcome.is}`).not.toMatch(/test-|undefined|NaN|^$/);
    }
  }
  expect(explanation("socket", { is: "works", rttMs: 0.2 }, place)).toBe("There and back in 1 ms.");
  expect(explanation("tls", { is: "blocked" }, place)).toContain("meet.example.org, port 8000");
  expect(explanation("tls", { is: "absent" }, place)).toBe("This server has no TLS relay of its own.");
  expect(explanation("udp", { is: "refused", code: 486 }, place)).toContain("(error 486)");
});

test("what is stopped is called blocked, and what just fails is not", () => {
  expect(stateWord("udp", { is: "blocked" })).toBe("Blocked");
  expect(stateWord("camera", { is: "denied" })).toBe("Blocked");
  expect(stateWord("camera", { is: "busy" })).toBe("Not working");
  expect(stateWord("microphone", { is: "silent" })).toBe("Needs a look");
  expect(stateWord("tls", { is: "absent" })).toBe("Not offered");
  expect(stateWord("speed", { is: "absent" })).toBe("Not measured");
});

test("every sentence is said by something", () => {
  const sources = import.meta.glob<string>(["./*.ts", "!./*.test.ts"], { query: "?raw", import: "default", eager: true });
  const code = Object.values(sources).join("\n");
  const made = new Set(TESTS.flatMap((test) => ["", "-about", "-running", "-tech"].map((end) => `test-${test}${end}`)));
  for (const test of TESTS) {
    const family = ["udp", "tcp", "tls"].includes(test) ? "relay" : test;
    for (const { is } of all[test] as Outcome[]) made.add(`test-${family}-${is}`);
  }
  for (const word of ["works", "trouble", "blocked", "none", "absent", "skipped"]) made.add(`test-state-${word}`);
  for (const enough of ["eight", "four", "two", "sound", "nothing"]) made.add(`test-speed-${enough}`);
  for (const through of ["tcp", "tls"]) made.add(`test-verdict-${through}`);
  for (const id of ids) expect(code.includes(`"${id}"`) || made.has(id), id).toBe(true);
  const named = [...code.matchAll(/"(test-[\w-]+)"/g)].map(([, id = ""]) => id);
  expect(named.length).toBeGreaterThan(50);
  for (const id of named) expect(ids.includes(id), id).toBe(true);
});

test("a verdict in words says whom to ask for what", () => {
  const words = said({ level: "bad", headline: "test-verdict-blocked", notes: ["test-ask-network"] }, place);
  expect(words.headline).toBe("Your network blocks calls.");
  expect(words.notes[0]).toContain("to allow UDP and TCP to meet.example.org, port 8000.");
  expect(t("test-too-many", { minutes: 1 })).toBe("That was often for now. Please try again in a minute.");
});

test("servers are told apart by the way to them", () => {
  const credentials = { username: "u", credential: "c" };
  const turn = ["turn:192.0.2.1:8000?transport=udp", "turn:[2001:db8::1]:8000?transport=udp", "turn:192.0.2.1:8000?transport=tcp"];
  const servers = [{ urls: ["stun:192.0.2.1:8000"] }, { urls: [...turn, "turns:meet.example.org:443?transport=tcp"], ...credentials }];
  expect(only(servers, "stun")).toEqual({ urls: ["stun:192.0.2.1:8000"] });
  expect(only(servers, "udp")).toEqual({ urls: turn.slice(0, 2), ...credentials });
  expect(only(servers, "tcp")).toEqual({ urls: turn.slice(2), ...credentials });
  expect(only(servers, "tls")).toEqual({ urls: ["turns:meet.example.org:443?transport=tcp"], ...credentials });
  expect(only([{ urls: ["turn:a", "turns:b?transport=udp", "http:c"] }], "udp")).toEqual({ urls: ["turn:a"] });
  expect(only([], "stun")).toBeNull();
  expect([portOf(servers, "stun"), portOf(servers, "tls"), portOf([{ urls: ["turn:a"] }], "udp"), portOf([], "udp")]).toEqual([
    "8000",
    "443",
    "3478",
    null,
  ]);
});
