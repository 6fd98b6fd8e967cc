// Three rising tones through the chosen speaker.
import { setSpeaker } from "../../sdk";
import { tone } from "../notices/sounds";

export async function testSpeaker(deviceId: string): Promise<void> {
  const context = new AudioContext();
  const output = new MediaStreamAudioDestinationNode(context);
  const element = new Audio();
  element.srcObject = output.stream;
  if (deviceId) await setSpeaker(element, deviceId);
  await element.play().catch(() => undefined);
  [392, 493.88, 587.33].forEach((hertz, index) => tone(context, output, hertz, 0.1 + index * 0.28, 0.25));
  // The last tone has ended by then.
  setTimeout(() => void context.close(), 1600);
}
