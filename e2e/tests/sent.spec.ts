// What a browser sends to the server and gets from it, as the browser itself tells it.
import { expect, test } from "../harness/fixtures.ts";
import { green, red } from "../harness/media.ts";
import type { Person } from "../harness/person.ts";
import { figure } from "../harness/watching.ts";

test.use({ settings: "--route server" });

/** 20 ms at the 40 kbit/s that a voice may take. */
const ALONE_BYTES = 100;

type Entry = Record<string, unknown>;

test("layers of time, silence that costs nothing, sound twice over, and lips that move with the voice", async ({ people }) => {
  const anna = await people.chromium("anna", { colour: red, hz: 440 });
  const ben = await people.chromium("ben", { colour: green, hz: 0 });
  await anna.signUp();
  const link = await anna.newMeeting();
  await anna.joinNow();
  await ben.follow(link);
  await ben.tab.fill("textbox", "Your name", ben.name);
  await ben.joinNow();
  await anna.seesColour("ben", green);
  await ben.seesColour("anna", red);
  await ben.hears("anna", 440);
  const sent = async (one: Person, kind: string): Promise<Entry[]> =>
    (await one.tab.evaluate(() => window.probe.reports(["outbound-rtp"]), null)).filter((entry) => entry.kind === kind);
  const packets = async (one: Person) => (await sent(one, "audio")).reduce((sum, entry) => sum + Number(entry.packetsSent), 0);

  await test.step("every size of the camera comes in layers of time", async () => {
    const encoded = (await sent(anna, "video")).filter(({ framesEncoded }) => Number(framesEncoded) > 0);
    expect(encoded.length).toBeGreaterThan(0);
    for (const { scalabilityMode } of encoded) expect(scalabilityMode).toBe("L1T3");
  });

  await test.step("who is silent sends next to nothing", async () => {
    const [loud, silent] = [await packets(anna), await packets(ben)];
    await expect.poll(async () => (await packets(anna)) - loud, { timeout: 30_000 }).toBeGreaterThan(250);
    const few = (await packets(ben)) - silent;
    figure("packets of a silent microphone while a loud one sent 250", `${few}`);
    expect(few).toBeLessThan(50);
  });

  await test.step("each packet of sound brings the one before it again", async () => {
    // The reports name the codec within: that it is doubled is seen by what was agreed on, and by how large packets are.
    const [first] = await anna.tab.evaluate(() => window.probe.agreed("audio"), null);
    expect(first).toBe("red/48000/2");
    const [{ bytesSent, packetsSent } = {}] = (await sent(anna, "audio")).filter((entry) => Number(entry.packetsSent) > 0);
    const bytes = Math.round(Number(bytesSent) / Number(packetsSent));
    figure("bytes of a packet of sound", `${bytes}, where one alone has ${ALONE_BYTES} at most`);
    expect(bytes).toBeGreaterThan(ALONE_BYTES);
  });

  await test.step("sound and picture of one person are played together, also when the sound takes longer", async () => {
    /** How much later the sound is, in ms: the middle of some readings, each of which may be off by a frame. */
    const apart = async () => {
      const readings: number[] = [];
      while (readings.length < 9) {
        const late = await ben.tab.evaluate(() => window.probe.late("anna"), null);
        const [sound, picture] = ["audio", "video"].map((kind) => late.find((one) => one.kind === kind && one.ago < 500)?.ms ?? NaN);
        readings.push(sound! - picture!);
        await ben.tab.evaluate(() => new Promise((resolve) => setTimeout(resolve, 70)), null);
      }
      return readings.filter((ms) => !Number.isNaN(ms)).sort((a, b) => a - b)[Math.floor(readings.length / 2)] ?? NaN;
    };
    const together = async () => Math.abs(await apart());
    await expect.poll(together, { message: "how far sound and picture are apart, in ms", timeout: 30_000 }).toBeLessThan(80);
    figure("the sound is later than the picture by", `${Math.round(await apart())} ms`);
    await ben.tab.evaluate((whom) => window.probe.lag(whom), ["anna", 350] as [string, number]);
    const held = async () => (await ben.tab.evaluate(() => window.probe.late("anna"), null)).find(({ kind }) => kind === "video")?.held;
    await expect.poll(held, { message: "for how long the picture waits for the sound, in ms", timeout: 60_000 }).toBeGreaterThan(180);
    await expect.poll(together, { message: "how far a late sound and the picture are apart, in ms", timeout: 60_000 }).toBeLessThan(80);
    figure(
      "with a sound that is 350 ms late it is later than the picture by",
      `${Math.round(await apart())} ms, which is held for ${await held()} ms`,
    );
  });
});
