// The picture in the README: a real call, with painted cameras. Writes docs/call.png.
import { join } from "node:path";
import { expect, test } from "../harness/fixtures.ts";
import { type Colour, blue, green, red, stillCamera } from "../harness/media.ts";

const FILES = join(import.meta.dirname, "../results/media");

interface Portrait {
  wall: Colour;
  light: Colour;
  skin: Colour;
  hair: Colour;
  shirt: Colour;
}

const portraits: Record<string, Portrait> = {
  maya: { wall: [58, 44, 34], light: [214, 150, 92], skin: [196, 140, 104], hair: [38, 26, 22], shirt: [150, 70, 48] },
  ben: { wall: [30, 44, 56], light: [120, 160, 178], skin: [116, 76, 54], hair: [22, 18, 18], shirt: [70, 104, 92] },
  chloe: { wall: [56, 60, 44], light: [196, 190, 140], skin: [226, 184, 154], hair: [140, 82, 40], shirt: [52, 62, 92] },
};

/** Head and shoulders in front of a lit wall. */
function paint({ wall, light, skin, hair, shirt }: Portrait) {
  return (x: number, y: number): Colour => {
    const [dx, dy] = [(x - 0.5) * (16 / 9), y];
    const glow = Math.exp(-(((x - 0.78) / 0.4) ** 2) - ((y - 0.3) / 0.5) ** 2);
    const ellipse = (cx: number, cy: number, rx: number, ry: number) => ((dx - cx) / rx) ** 2 + ((dy - cy) / ry) ** 2;
    let colour = mix(wall, light, glow * 0.8);
    colour = over(colour, mix(shirt, light, 0.2 * glow), ellipse(0, 1.12, 0.52, 0.42));
    colour = over(colour, hair, ellipse(0, 0.43, 0.225, 0.29));
    colour = over(colour, mix(skin, [0, 0, 0], 0.18), ellipse(0, 0.72, 0.085, 0.14));
    return over(colour, mix(skin, light, Math.max(0, dx) * 0.8), ellipse(0, 0.48, 0.175, 0.235));
  };
}

/** `top` where the distance is below 1, with a soft edge. */
function over(bottom: Colour, top: Colour, distance: number): Colour {
  return mix(bottom, top, Math.min(1, Math.max(0, (1.03 - distance) / 0.06)));
}

function mix([r, g, b]: Colour, [red, green, blue]: Colour, part: number): Colour {
  return [r + (red - r) * part, g + (green - g) * part, b + (blue - b) * part];
}

test("the picture in the README", async ({ people }) => {
  const picture = (name: string) => stillCamera(FILES, name, paint(portraits[name]!));
  const dark = { colorScheme: "dark", reducedMotion: "reduce" } as const;
  const maya = await people.chromium("maya", { colour: red, hz: 440, picture: picture("maya") }, dark);
  const ben = await people.chromium("Ben Okafor", { colour: green, hz: 660, picture: picture("ben") });
  const chloe = await people.chromium("Chloé Martin", { colour: blue, hz: 880, picture: picture("chloe") });
  await maya.signUp();
  const link = await maya.newMeeting();
  await maya.joinNow();
  for (const guest of [ben, chloe]) {
    await guest.follow(link);
    await guest.tab.fill("textbox", "Your name", guest.name);
    await guest.joinNow();
  }
  await ben.tab.press("button", "Raise hand");
  await ben.say("The build is green again.");
  await chloe.say("Lovely. I'll share my screen for the last point.");
  await maya.reads("Lovely. I'll share my screen for the last point.");
  await maya.say("Thank you both!");
  // Long enough for the encoders to have found their pace.
  for (const guest of [ben, chloe, ben, chloe]) await maya.seesMotion(guest.name);
  await ben.tab.press("button", "Microphone");
  await maya.tab.press("button", "Microphone");
  const page = maya.tab.page;
  await page.mouse.move(640, 2);
  await expect(page.getByText(/joined$/)).toHaveCount(0);
  await page.screenshot({ path: join(import.meta.dirname, "../../docs/call.png"), animations: "disabled" });
});
