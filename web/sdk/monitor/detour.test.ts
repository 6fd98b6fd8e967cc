import { expect, it } from "vitest";
import { detourAt, type Detour } from "./detour";

it("is looked at after 20 s, a minute, five, ten, and then every ten minutes", () => {
  let detour: Detour | null = null;
  const tries: number[] = [];
  for (let now = 0; now <= 3_000_000; now += 2_000) {
    const next = detourAt(detour, now);
    detour = next.detour;
    if (next.due) tries.push(now / 1_000);
  }
  expect(tries).toEqual([20, 80, 380, 980, 1_580, 2_180, 2_780]);
});
