import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakePage } from "../testing/fake-page";
import { watchNetwork } from "./network";

let page: FakePage;
let signs: boolean[];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  page = new FakePage();
  signs = [];
  stop = watchNetwork((moved) => signs.push(moved));
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("the network is gone, and there is one again", () => {
  page.window.dispatchEvent(new Event("offline"));
  page.window.dispatchEvent(new Event("online"));
  expect(signs).toEqual([false, true]);
});

it("another kind of network, and merely another speed", () => {
  page.connection.dispatchEvent(new Event("change"));
  page.connection.type = "cellular";
  page.connection.dispatchEvent(new Event("change"));
  page.connection.dispatchEvent(new Event("change"));
  expect(signs).toEqual([false, true, false]);
});

it("the page is seen again, or thawed", () => {
  page.show(false);
  expect(signs).toEqual([]);
  page.show(true);
  page.document.dispatchEvent(new Event("resume"));
  expect(signs).toEqual([false, false]);
});

it("the machine has slept", () => {
  vi.advanceTimersByTime(60_000);
  expect(signs).toEqual([]);
  vi.setSystemTime(Date.now() + 30_000);
  vi.advanceTimersByTime(1_000);
  expect(signs).toEqual([false]);
  vi.advanceTimersByTime(60_000);
  expect(signs).toEqual([false]);
});

it("nothing is heard any more once it was stopped", () => {
  stop();
  page.window.dispatchEvent(new Event("online"));
  page.connection.dispatchEvent(new Event("change"));
  vi.setSystemTime(Date.now() + 30_000);
  vi.advanceTimersByTime(5_000);
  expect(signs).toEqual([]);
});
