// A certificate authority of the test's own, a certificate for the server, and a Chromium that trusts the one and therefore the other: as
// on the internet, so that a certificate that is not good for the relay shows.
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumProgram } from "../harness/browsers.ts";
import type { Host } from "./internet.ts";

export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "fireside-authority-"));
  readonly #name: string;
  readonly certificate = join(this.#folder, "server.pem");
  readonly key = join(this.#folder, "server.key");

  constructor(name: string) {
    this.#name = name;
    const [pem, key] = [join(this.#folder, "authority.pem"), join(this.#folder, "authority.key")];
    issue(pem, key, "Tests of Fireside", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]);
    const forServers = [`subjectAltName=DNS:${name}`, "basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth"];
    issue(this.certificate, this.key, name, forServers, ["-CA", pem, "-CAkey", key]);
    const policies = join(this.#folder, "chromium/policies/managed");
    mkdirSync(policies, { recursive: true });
    const trusted = new X509Certificate(readFileSync(pem)).raw.toString("base64");
    writeFileSync(join(policies, "authority.json"), JSON.stringify({ CACertificates: [trusted] }));
  }

  /** Writes a program that runs Chromium on a host, where the server's name leads to `address`, and returns its path. */
  chromiumOn(host: Host, address: string): string {
    const [program, hosts] = [join(this.#folder, host.name), join(this.#folder, "hosts")];
    // For STUN and TURN over UDP, Chromium asks for the name with a dot at its end.
    writeFileSync(hosts, `127.0.0.1 localhost\n${address} ${this.#name} ${this.#name}.\n`);
    // `ip netns exec` brings mounts of its own: nobody else sees these.
    const script = `mount --bind ${hosts} /etc/hosts && mount --bind ${this.#folder}/chromium /etc/chromium && exec ${chromiumProgram()} "$@"`;
    writeFileSync(program, `#!/bin/sh\nexec ${host.within.join(" ")} sh -c '${script}' chromium "$@"\n`);
    chmodSync(program, 0o755);
    return program;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function issue(pem: string, key: string, name: string, extensions: string[], by: string[] = []): void {
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", key, "-out", pem, "-days", "2"];
  const words = ["req", "-x509", ...made, "-subj", `/CN=${name}`, ...extensions.flatMap((extension) => ["-addext", extension]), ...by];
  execFileSync("openssl", words, { stdio: ["ignore", "pipe", "pipe"] });
}
