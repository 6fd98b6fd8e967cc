import { describe, expect, it } from "vitest";
import { diagnose, type Situation, type Trace } from "./diagnosis";

const STUN = "stun:198.51.100.7:443";
const UDP = "turn:198.51.100.7:443?transport=udp";
const TCP = "turn:198.51.100.7:443?transport=tcp";
const TLS = "turns:meet.example.org:443?transport=tcp";
const ALL = [STUN, UDP, TCP, TLS];

const host: Trace = { type: "host", protocol: "udp" };
const seen: Trace = { type: "srflx", protocol: "udp", url: STUN };
const relayed = (url: string, relayProtocol: "udp" | "tcp" | "tls"): Trace => ({ type: "relay", protocol: "udp", relayProtocol, url });
const silent = (...urls: string[]): Trace[] => urls.map((url) => ({ url, errorCode: 701, errorText: "TURN allocate request timed out." }));
const refused = (...urls: string[]): Trace[] => urls.map((url) => ({ url, errorCode: 401, errorText: "Unauthorized" }));

/** Bo cannot be reached, with all four servers, after a gathering that was complete. */
const situation = (traces: Trace[], over: Partial<Situation> = {}): Situation => ({
  server: true,
  iceServers: ALL.map((urls) => ({ urls })),
  traces: [host, ...traces, null],
  elapsed: 40_000,
  failing: ["bo"],
  transports: [],
  ...over,
});
const only = (...urls: string[]): Partial<Situation> => ({ iceServers: [{ urls }] });

describe("why Bo cannot be reached", () => {
  it.each<[string, Situation, string]>([
    ["a hotel's network: only web pages get through", situation(silent(...ALL)), "all_blocked"],
    ["no UDP, and the operator has a relay for UDP alone", situation(silent(STUN, UDP), only(STUN, UDP)), "udp_blocked"],
    ["no UDP, and no relay at all", situation(silent(STUN), only(STUN)), "udp_blocked"],
    ["UDP works, but there is no relay", situation([seen], only(STUN)), "no_relay"],
    ["the operator offers nothing", situation([], only()), "no_relay"],
    ["STUN answers, the relay does not", situation([seen, ...silent(UDP, TCP, TLS)]), "relay_unreachable"],
    ["the relay refuses us", situation(refused(UDP, TCP, TLS)), "relay_unreachable"],
    ["others are reached over UDP, the relay is silent", situation(silent(...ALL), { transports: ["udp"] }), "relay_unreachable"],
    ["our relay works, so theirs does not", situation([seen, relayed(UDP, "udp")]), "peer_unreachable"],
    ["our relay works over TLS alone", situation([...silent(STUN, UDP, TCP), relayed(TLS, "tls")]), "peer_unreachable"],
    ["the server is away too", situation(silent(...ALL), { server: false }), "unknown"],
    ["nothing is known yet", situation([], { traces: [host], elapsed: 2_000 }), "unknown"],
    ["an answer of the last relay is still out", situation([], { traces: [host, ...silent(STUN, UDP, TCP)], elapsed: 2_000 }), "unknown"],
    [
      "the browser has not given up, but nobody answered for half a minute",
      situation([], { traces: [host], elapsed: 30_000 }),
      "all_blocked",
    ],
    ["a browser that tells no errors, and STUN answered", situation([seen]), "relay_unreachable"],
    ["a browser that tells no errors and found nothing", situation([]), "all_blocked"],
    ["a browser that does not say which relay it found", situation([{ type: "relay", protocol: "udp" }]), "peer_unreachable"],
  ])("%s", (_, now, kind) => {
    expect(diagnose(now).kind).toBe(kind);
  });

  it("who has a public address of their own gets no candidate from STUN, which says nothing about UDP", () => {
    const { kind, tried } = diagnose(situation(refused(UDP)));
    expect(tried.map(({ outcome }) => outcome)).toEqual(["pending", "refused", "silent", "silent"]);
    expect(kind).toBe("relay_unreachable");
  });

  it("an error on one of several interfaces counts for nothing where another got an answer", () => {
    const { tried } = diagnose(situation([...silent(UDP), relayed(UDP, "udp"), seen]));
    expect(tried.find(({ url }) => url === UDP)).toEqual({ url: UDP, kind: "turn", transport: "udp", outcome: "answered" });
  });
});

describe("while everyone is reached", () => {
  it.each<[string, Situation, string]>([
    ["over TCP, since no UDP gets through", situation([...silent(STUN, UDP), relayed(TCP, "tcp")], { transports: ["tcp"] }), "udp_blocked"],
    ["over UDP", situation([seen, relayed(UDP, "udp")], { transports: ["udp", "tcp"] }), "unknown"],
    ["nobody else is here", situation(silent(...ALL)), "unknown"],
  ])("%s", (_, now, kind) => {
    expect(diagnose({ ...now, failing: [] }).kind).toBe(kind);
  });
});

it("says what was tried and found, each once", () => {
  const traces = [seen, host, ...silent(UDP), ...refused(TCP), relayed(TLS, "tls"), relayed(TLS, "tls")];
  expect(diagnose(situation(traces))).toEqual({
    kind: "peer_unreachable",
    failing: ["bo"],
    server: true,
    tried: [
      { url: STUN, kind: "stun", transport: "udp", outcome: "answered" },
      { url: UDP, kind: "turn", transport: "udp", outcome: "silent", code: 701, text: "TURN allocate request timed out." },
      { url: TCP, kind: "turn", transport: "tcp", outcome: "refused", code: 401, text: "Unauthorized" },
      { url: TLS, kind: "turn", transport: "tls", outcome: "answered" },
    ],
    found: [
      { kind: "host", transport: "udp" },
      { kind: "srflx", transport: "udp" },
      { kind: "relay", transport: "tls" },
    ],
  });
});

it("knows an address however it is written, and leaves out what is none", () => {
  const servers = ["turn:Meet.example.org", "turns:meet.example.org", "turn:meet.example.org?transport=tcp", "http://meet.example.org"];
  const errors = silent("turn:meet.example.org:3478?transport=udp", "turns:meet.example.org:5349?transport=tcp");
  const { tried } = diagnose(situation([...errors, relayed("turn:meet.example.org:3478?transport=tcp", "tcp")], only(...servers)));
  expect(tried.map(({ transport, outcome }) => `${transport} ${outcome}`)).toEqual(["udp silent", "tls silent", "tcp answered"]);
});
