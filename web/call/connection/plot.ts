// The plot of the last two minutes. Pure geometry: readings in, points of an SVG out. The newest is at the right edge.

export interface Box {
  width: number;
  height: number;
}

/** So many readings make two minutes; fewer are drawn from the right. */
export const READINGS = 60;
/** Less than this is not worth a plot of its own height: a trickle is drawn as a trickle. */
const LEAST_TOP = 200;

/** The top of the scale: the next of 1, 2, 5, 10, 20, 50 … that holds them all. */
export function top(values: readonly number[]): number {
  const most = Math.max(LEAST_TOP, ...values);
  const power = 10 ** Math.floor(Math.log10(most));
  return power * ([1, 2, 5].find((step) => step * power >= most) ?? 10);
}

/** The `points` of a polyline for each stretch without a gap; null is a gap. A lone reading is a line of no length: a dot. */
export function lines(values: readonly (number | null)[], most: number, { width, height }: Box): string[] {
  const shown = values.slice(-READINGS);
  const point = (value: number, index: number) =>
    `${round(width - ((shown.length - 1 - index) * width) / (READINGS - 1))},${round(height - (Math.min(value, most) / most) * height)}`;
  const found: string[][] = [];
  let open: string[] | null = null;
  for (const [index, value] of shown.entries()) {
    if (value === null) open = null;
    else if (open) open.push(point(value, index));
    else found.push((open = [point(value, index)]));
  }
  return found.map((points) => (points.length > 1 ? points : [...points, ...points]).join(" "));
}

/** How often the way was away within the readings. What comes before the first that worked does not count. */
export function gaps(values: readonly unknown[]): number {
  const first = values.findIndex((value) => value !== null);
  if (first < 0) return 0;
  return values.filter((value, index) => index > first && value === null && values[index - 1] !== null).length;
}

const round = (value: number): number => Math.round(value * 10) / 10;
