import { expect, test } from "vitest";
import type { Outcomes } from "./outcome";
import { browserName, report, type Facts } from "./report";

const outcomes: Outcomes = {
  camera: { is: "works", width: 1280, height: 720 },
  microphone: { is: "skipped" },
  socket: { is: "works", rttMs: 11.6 },
  stun: { is: "works", address: "203.0.113.7" },
  udp: { is: "blocked" },
  tcp: { is: "works", rttMs: 24.2 },
  tls: { is: "absent" },
  speed: { is: "works", kbps: 3_210, lossPercent: 0.4, most: false, over: "tcp" },
};

const facts: Facts = {
  server: "meet.example.org",
  place: () => ({ host: "meet.example.org", port: "443" }),
  at: new Date("2026-11-23T20:56:29Z"),
  browser: "Firefox 140, Linux",
  outcomes,
  verdict: { level: "good", headline: "Calls will work here, directly.", notes: ["The relay helps out."] },
  kinds: "host udp, srflx udp IPv4, relay tcp IPv4",
};

test("a report says everything in plain text", () => {
  expect(report(facts)).toBe(`Connection test
Server: meet.example.org
Time: 2026-11-23 20:56 UTC
Browser: Firefox 140, Linux

Camera: Works. Others will see you. (1280 × 720)
Microphone: Skipped. You can test it before you join a call, too.
Connection to the server: Works. There and back in 12 ms.
Direct connections: Works. UDP gets out of your network and back, so calls can go straight from person to person.
Relay over UDP: Blocked. No answer came. Your network lets no UDP through to the relay; TCP may work instead.
Relay over TCP: Works. There and back in 24 ms.
Relay over TLS: Not offered. This server has no TLS relay of its own.
Speed and loss: Works. 3,210 kbit/s each way, 0.4 % lost (measured through the relay over TCP). Enough for a video call with eight people.
Candidates: host udp, srflx udp IPv4, relay tcp IPv4

Result: Calls will work here, directly. The relay helps out.
`);
});

test("the own address is there only if it was asked for", () => {
  expect(report(facts)).not.toContain("203.0.113.7");
  expect(report({ ...facts, address: "203.0.113.7" })).toContain("Public address: 203.0.113.7\n");
  expect(report({ ...facts, address: null })).toContain("Public address: unknown\n");
});

test("what has not been tested is said to be so", () => {
  const text = report({ ...facts, outcomes: { camera: { is: "denied" } }, verdict: null, kinds: "" });
  expect(text).toContain("Camera: Blocked. This page may not use your camera.");
  expect(text).toContain("Relay over UDP: Not tested yet\n");
  expect(text).toContain("Candidates: none\n");
  expect(text).not.toContain("Result:");
});

test("browsers are known by what they say of themselves", () => {
  const mozilla = "Mozilla/5.0 (X11; Linux x86_64)";
  const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
  expect(browserName(`${mozilla} ${chrome} Safari/537.36`)).toBe("Chrome 140, Linux");
  expect(browserName(`${mozilla} AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36`)).toBe("Chrome 140, Linux");
  expect(browserName(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36 Edg/140.0.0.0`)).toBe("Edge 140, Windows");
  expect(browserName("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox 140, Linux");
  expect(browserName("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0")).toBe("Firefox 140, Android");
  expect(
    browserName(
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/604.1",
    ),
  ).toBe("Safari 18.1, iOS");
  expect(browserName("something else")).toBe("?, ?");
});
