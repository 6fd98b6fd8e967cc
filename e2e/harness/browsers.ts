// Starting browsers: the ones that Debian packages, never one that a test tool has downloaded.
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "@playwright/test";
import puppeteer, { type Browser as Firefox } from "puppeteer-core";

export const probe = ["probe.js", "ear.js"].map((name) => readFileSync(join(import.meta.dirname, name), "utf8")).join("\n");

/** What Chromium takes for a camera and a microphone; without them it has neither. */
export interface Devices {
  camera: string;
  microphone: string;
}

/** `program`: what to start in place of the one that is found. */
export async function startChromium(devices?: Devices, args: string[] = [], program = chromiumProgram()): Promise<Browser> {
  const media = devices && [
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${devices.camera}`,
    `--use-file-for-fake-audio-capture=${devices.microphone}`,
  ];
  return chromium.launch({
    executablePath: program,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      "--use-fake-ui-for-media-stream",
      // A browser without permission to use a microphone hides its address behind a name that only multicast DNS resolves.
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      ...(onlyLoopback() ? ["--allow-loopback-in-peer-connection"] : []),
      ...(media ?? []),
      ...args,
    ],
  });
}

export function chromiumProgram(): string {
  return program("FIRESIDE_CHROMIUM", ["chromium", "chromium-browser", "google-chrome"]);
}

export async function startFirefox(): Promise<Firefox> {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: program("FIRESIDE_FIREFOX", ["firefox-esr", "firefox"]),
    headless: true,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.peerconnection.ice.obfuscate_host_addresses": false,
      "media.peerconnection.ice.loopback": onlyLoopback(),
    },
  });
}

function program(variable: string, names: string[]): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const given = process.env[variable];
  const found = given ?? names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`none of ${names.join(", ")} is installed`);
  return found;
}

/** Browsers do not use 127.0.0.1 as a media address unless they are told to. */
function onlyLoopback(): boolean {
  return !Object.values(networkInterfaces()).some((addresses) => addresses?.some((address) => !address.internal));
}
