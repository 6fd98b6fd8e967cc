import { beforeAll, expect, test } from "vitest";
import type { Diagnosis, LinkSample } from "../../sdk";
import catalogue from "../../i18n/en/connection.ftl?compiled&raw";
import { learn } from "../../i18n";
import { report, type Known } from "./report";

beforeAll(() => learn(catalogue));

const there: LinkSample = {
  at: 0,
  quality: "good",
  kbitsIn: 1200,
  kbitsOut: 640,
  rtt: 24.4,
  loss: 0.034,
  jitter: 3,
  path: "relay",
  transport: "tls",
};
const away: LinkSample = {
  ...there,
  quality: "lost",
  kbitsIn: 0,
  kbitsOut: 0,
  rtt: null,
  loss: null,
  jitter: null,
  path: null,
  transport: null,
};
const diagnosis: Diagnosis = {
  kind: "udp_blocked",
  failing: [],
  server: true,
  tried: [
    { url: "turn:meet.example.org:443?transport=udp", kind: "turn", transport: "udp", outcome: "silent", code: 701, text: "no answer" },
    { url: "turns:meet.example.org:443?transport=tcp", kind: "turn", transport: "tls", outcome: "answered" },
  ],
  found: [
    { kind: "host", transport: "udp" },
    { kind: "relay", transport: "tls" },
  ],
};
const known: Known = {
  at: new Date(Date.UTC(2026, 10, 23, 9, 30)),
  browser: "Browser/1.0",
  online: true,
  state: { kind: "connected" },
  uplink: { kbits: 640, limited: "bandwidth" },
  diagnosis,
  people: [{ person: { name: "דנה", connection: "connected", quality: "good" }, history: [away, there] }],
};

test("everything that was measured, as plain text", () => {
  expect(report(known)).toBe(`Fireside connection report
2026-11-23T09:30:00.000Z
Browser: Browser/1.0
Network: online
Server: connected
Upload: 640 kbit/s, limited by bandwidth
Diagnosis: udp_blocked
turn:meet.example.org:443?transport=udp: silent 701 no answer
turns:meet.example.org:443?transport=tcp: answered
Found here: host udp, relay tls

דנה: connected, Good
Through the relay, TLS, round trip 24 ms, loss 3.4%, jitter 3 ms, in 1.2 Mbit/s, out 640 kbit/s
In, kbit/s, oldest first: - 1200
Out, kbit/s, oldest first: - 640
Round trip, ms, oldest first: - 24
Loss, %, oldest first: - 3.4
`);
});

test("what could not be found out is left out", () => {
  const text = report({ ...known, online: false, diagnosis: null, uplink: { kbits: 0, limited: null }, people: [] });
  expect(text).toContain("Network: offline\nServer: connected\nUpload: 0 kbit/s\n");
  expect(text).not.toMatch(/Diagnosis|undefined|null/);
});

test("somebody who was never reached has no numbers", () => {
  const text = report({ ...known, people: [{ person: { name: "Ben", connection: "failed", quality: "lost" }, history: [] }] });
  expect(text).toContain("Ben: failed, Interrupted\nNo way yet, round trip –, loss –, jitter –, in 0 kbit/s, out 0 kbit/s\n");
});
