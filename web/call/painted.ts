// Pictures for the people of mock.ts.

/** A moving painting instead of a camera, or a page of text instead of a screen. */
export function painted(name: string, width: number, height: number, page: boolean, after = 0): MediaStreamTrack | null {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (!context) return null;
  const hue = [...name].reduce((sum, char) => sum + (char.codePointAt(0) ?? 0) * 7, 0) % 360;
  let frame = 0;
  const draw = () => (page ? drawPage(context, width, height) : drawFace(context, width, height, hue, frame++));
  if (after === 0) draw();
  setTimeout(() => setInterval(draw, 200), after);
  return canvas.captureStream(5).getVideoTracks()[0] ?? null;
}

function drawFace(context: CanvasRenderingContext2D, width: number, height: number, hue: number, frame: number): void {
  const sway = Math.sin(frame / 9) * width * 0.02;
  const light = context.createRadialGradient(width / 2 + sway, height * 0.4, 0, width / 2, height / 2, width * 0.7);
  light.addColorStop(0, `hsl(${hue} 45% 72%)`);
  light.addColorStop(0.6, `hsl(${hue} 38% 34%)`);
  light.addColorStop(1, `hsl(${hue} 40% 14%)`);
  context.fillStyle = light;
  context.fillRect(0, 0, width, height);
  context.fillStyle = `hsl(${hue} 30% 22%)`;
  context.beginPath();
  context.ellipse(width / 2 + sway, height * 1.08, height * 0.5, height * 0.42, 0, 0, 7);
  context.fill();
  context.fillStyle = `hsl(${(hue + 20) % 360} 50% 78%)`;
  context.beginPath();
  context.ellipse(width / 2 + sway, height * 0.45, height * 0.17, height * 0.23, 0, 0, 7);
  context.fill();
}

function drawPage(context: CanvasRenderingContext2D, width: number, height: number): void {
  context.fillStyle = "#fdfdfb";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#222";
  context.font = "48px sans-serif";
  context.fillText("Numbers of the week", 90, 130);
  for (let line = 0; line < 11; line += 1) {
    context.fillStyle = line % 4 === 3 ? "#f26a1b" : "#c9c2b8";
    context.fillRect(90, 200 + line * 66, 400 + ((line * 397) % 900), 30);
  }
}
