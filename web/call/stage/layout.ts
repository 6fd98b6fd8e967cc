// Where the tiles go. Pure arithmetic on pixels; the stage's component only draws what comes out.

/** The shapes a tile may have, as width / height. Within them the picture is cut a little, never distorted. */
export interface Aspect {
  min: number;
  max: number;
}

export interface Grid {
  columns: number;
  rows: number;
  /** Of one tile, in pixels. */
  width: number;
  height: number;
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The grid that gives `n` tiles the greatest area in `width` x `height`, `gap` apart. */
export function layout(n: number, width: number, height: number, gap: number, aspect: Aspect): Grid {
  let best: Grid = { columns: 1, rows: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= n; columns += 1) {
    const rows = Math.ceil(n / columns);
    const tile = fit(Math.max(0, (width - gap * (columns - 1)) / columns), Math.max(0, (height - gap * (rows - 1)) / rows), aspect);
    // Strictly greater: of equals the fewer columns, which on a phone means the larger faces.
    if (tile.width * tile.height > best.width * best.height + 0.5) best = { columns, rows, ...tile };
  }
  return best;
}

/** The largest tile of an allowed shape in a cell. */
function fit(width: number, height: number, { min, max }: Aspect): { width: number; height: number } {
  if (height === 0 || width === 0) return { width: 0, height: 0 };
  const shape = Math.min(max, Math.max(min, width / height));
  return width / height > shape ? { width: height * shape, height } : { width, height: width / shape };
}

/** The tiles of a grid, centred in the area; a last row that is not full is centred too. */
export function place(n: number, area: Rect, gap: number, aspect: Aspect): Rect[] {
  const grid = layout(n, area.width, area.height, gap, aspect);
  const used = Math.ceil(n / grid.columns) * (grid.height + gap) - gap;
  const top = area.y + (area.height - used) / 2;
  return Array.from({ length: n }, (_, index) => {
    const row = Math.floor(index / grid.columns);
    const inRow = Math.min(grid.columns, n - row * grid.columns);
    const left = area.x + (area.width - (inRow * (grid.width + gap) - gap)) / 2;
    return {
      x: left + (index % grid.columns) * (grid.width + gap),
      y: top + row * (grid.height + gap),
      width: grid.width,
      height: grid.height,
    };
  });
}

/** Faces: close to what cameras send. On an upright phone tall tiles fill the glass better and still hold a face. */
const LANDSCAPE: Aspect = { min: 4 / 3, max: 16 / 9 };
const UPRIGHT: Aspect = { min: 0.5, max: 16 / 9 };
/** Shared screens fill their place; `object-fit: contain` keeps every pixel of them. */
const ANY: Aspect = { min: 0.1, max: 10 };
/** In the strip beside a shared screen. */
const STRIP: Aspect = { min: 1, max: 16 / 9 };
/** An upright stage narrower than this is a phone's. */
const PHONE_PX = 600;
/** With more people the tiles of a phone are so small that a floating one would hide a face. */
const FLOATING_UP_TO = 4;

export interface Scene {
  width: number;
  height: number;
  gap: number;
  /** People on the stage, you included. */
  people: number;
  screens: number;
}

export interface Arrangement {
  /** One for each person; the last is yours. */
  people: Rect[];
  screens: Rect[];
  /** Your tile lies over the others, small, and can be moved. */
  floating: boolean;
}

export function arrange(scene: Scene): Arrangement {
  const { width, height, gap, people, screens } = scene;
  const whole: Rect = { x: 0, y: 0, width, height };
  if (screens > 0) return { ...beside(scene), floating: false };
  const upright = height > width;
  const floating = upright && width < PHONE_PX && people > 1 && people <= FLOATING_UP_TO;
  const tiles = place(floating ? people - 1 : people, whole, gap, upright ? UPRIGHT : LANDSCAPE);
  if (floating) tiles.push(ownRect(width, height, gap));
  return { people: tiles, screens: [], floating };
}

/** The screens large, the people in a strip: at the side of a wide stage, below on a tall one. */
function beside({ width, height, gap, people, screens }: Scene): { people: Rect[]; screens: Rect[] } {
  const wide = width > height * 1.1;
  const strip = wide ? Math.min(280, Math.max(112, width * 0.18)) : Math.min(220, Math.max(96, height * (people > 4 ? 0.34 : 0.22)));
  const main: Rect = wide ? { x: 0, y: 0, width: width - strip - gap, height } : { x: 0, y: 0, width, height: height - strip - gap };
  const rest: Rect = wide ? { x: width - strip, y: 0, width: strip, height } : { x: 0, y: height - strip, width, height: strip };
  return { screens: place(screens, main, gap, ANY), people: place(people, rest, gap, STRIP) };
}

/** Your own tile when it floats: upright like the phone, in the corner above the controls. */
function ownRect(width: number, height: number, gap: number): Rect {
  const own = { width: Math.min(116, width * 0.3), height: Math.min(164, height * 0.3) };
  return { ...own, x: width - own.width - gap, y: height - own.height - gap };
}

export type Corner = { right: boolean; bottom: boolean };

/** The corner that a tile let go at (x, y of its centre) belongs to. */
export function nearestCorner(x: number, y: number, width: number, height: number): Corner {
  return { right: x > width / 2, bottom: y > height / 2 };
}

/** Where a floating tile lies in its corner. */
export function inCorner(tile: Rect, corner: Corner, width: number, height: number, gap: number): Rect {
  return { ...tile, x: corner.right ? width - tile.width - gap : gap, y: corner.bottom ? height - tile.height - gap : gap };
}
