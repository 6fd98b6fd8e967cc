import { expect, test } from "vitest";
import { fit, ORDER } from "./fit";

test("nothing is lost, whatever the width", () => {
  for (let width = 200; width < 1400; width += 7) {
    const { row, more, wide } = fit(width);
    expect([...row, ...more].sort()).toEqual([...ORDER].sort());
    // Leave, and More where it is needed, have their places too.
    const buttons = row.length + 1 + (more.length > 0 ? 1 : 0);
    if (!wide && width >= 5 * 56) expect(buttons * 48 + (buttons - 1) * 8).toBeLessThanOrEqual(width);
  }
});

test("a phone keeps the devices and the chat, a laptop everything", () => {
  expect(fit(296)).toMatchObject({ row: ["microphone", "camera", "chat"], wide: false });
  expect(fit(336).row).toEqual(["microphone", "camera", "hand", "chat"]);
  expect(fit(1256)).toMatchObject({ more: [], wide: true });
});
