import { expect, test } from "vitest";
import { Kinds } from "./gathering";

test("kinds are told, each once, and addresses are not", () => {
  const kinds = new Kinds();
  const add = (type: string, protocol: string, address: string, relayProtocol?: string) =>
    kinds.add({ type, protocol, address, relayProtocol } as never);
  add("host", "udp", "5f0c6a2b.local");
  add("host", "udp", "0a1b2c3d.local");
  add("srflx", "udp", "203.0.113.7");
  add("relay", "udp", "2001:db8::7", "tls");
  expect(String(kinds)).toBe("host udp, srflx udp IPv4, relay tls IPv6");
});
