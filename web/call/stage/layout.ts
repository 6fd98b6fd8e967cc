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

/** So many people always have one page: nobody is out of sight in a call of this size. */
export const ONE_PAGE = 8;
/** More faces than this on one page are no faces any more, and each is a picture to be decoded. */
const MOST = 25;
/** A stage that is narrower or lower than this is a phone's. */
const SMALL_PX = 480;
/** What a tile of a page should have at least, in square pixels: on a phone, which is held nearer; and beside what is looked at. */
const ROOMY = 32_000;
const ROOMY_ON_PHONE = 20_000;
const ROOMY_BESIDE = 13_000;
/** Somewhat less is better than a second page for a few. */
const TIGHT = 28_000;
/** Pages of these sizes make grids without ragged rows. */
const EVEN = [25, 20, 16, 12, 9, 8, 6, 4];

/** The row (or on a low stage the column) in which pages are turned. */
export const PAGER = 48;
/** Lower than this a row would take a tile's height. */
const LOW = 340;

/** Where the tiles and what turns their pages are, once there are several. */
export function withPager(width: number, height: number): { width: number; height: number; side: boolean } {
  const side = height < LOW && width > height;
  return side ? { width: width - PAGER, height, side } : { width, height: height - PAGER, side };
}

/** How many tiles one page holds on a stage of this size, when there are `people` in all. `beside`: in the strip beside what is large. */
export function capacity(people: number, width: number, height: number, beside: boolean): number {
  const phone = Math.min(width, height) < SMALL_PX;
  const most = phone ? ONE_PAGE : MOST;
  if (people <= ONE_PAGE || (!beside && people <= Math.min(most, (width * height) / TIGHT))) return people;
  const paged = withPager(width, height);
  if (beside) {
    const { rest } = split(paged.width, paged.height, ONE_PAGE);
    return Math.min(12, Math.max(3, Math.floor((rest.width * rest.height) / ROOMY_BESIDE)));
  }
  const fits = Math.min(most, (paged.width * paged.height) / (phone ? ROOMY_ON_PHONE : ROOMY));
  return EVEN.find((size) => size <= fits) ?? 4;
}

export interface Scene {
  width: number;
  height: number;
  gap: number;
  /** Tiles on this page, yours included. */
  people: number;
  /** What is shown large: screens, or what is pinned. Then the tiles are in a strip beside it. */
  large: number;
  /** The large one is a face. */
  face?: boolean;
  /** There are other pages: then nothing may hide a tile. */
  paged?: boolean;
}

export interface Arrangement {
  /** One for each tile; the last is yours. */
  people: Rect[];
  large: Rect[];
  /** Your tile lies over the others, small, and can be moved. */
  floating: boolean;
}

export function arrange(scene: Scene): Arrangement {
  const { width, height, gap, people, large } = scene;
  const whole: Rect = { x: 0, y: 0, width, height };
  const upright = height > width;
  const faces = upright ? UPRIGHT : LANDSCAPE;
  if (large > 0) {
    const { main, rest } = people > 0 ? split(width, height, people, gap) : { main: whole, rest: whole };
    return { large: place(large, main, gap, scene.face ? faces : ANY), people: place(people, rest, gap, STRIP), floating: false };
  }
  const floating = !scene.paged && upright && width < PHONE_PX && people > 1 && people <= FLOATING_UP_TO;
  const tiles = place(floating ? people - 1 : people, whole, gap, faces);
  if (floating) tiles.push(ownRect(width, height, gap));
  return { people: tiles, large: [], floating };
}

/** A large part and a strip: at the side of a wide stage, below on a tall one. */
function split(width: number, height: number, people: number, gap = 8): { main: Rect; rest: Rect } {
  const wide = width > height * 1.1;
  const strip = wide ? Math.min(280, Math.max(112, width * 0.18)) : Math.min(220, Math.max(96, height * (people > 4 ? 0.34 : 0.22)));
  return {
    main: wide ? { x: 0, y: 0, width: width - strip - gap, height } : { x: 0, y: 0, width, height: height - strip - gap },
    rest: wide ? { x: width - strip, y: 0, width: strip, height } : { x: 0, y: height - strip, width, height: strip },
  };
}

/** Your own tile when it floats: upright like the phone, in the corner above the controls. */
function ownRect(width: number, height: number, gap: number): Rect {
  const own = { width: Math.min(116, width * 0.3), height: Math.min(164, height * 0.3) };
  return { ...own, x: width - own.width - gap, y: height - own.height - gap };
}

/** Of these places the next one from `from` in a direction (-1, 0 or 1 across and down), as the arrow keys go; -1: there is none. */
export function neighbour(places: readonly Rect[], from: number, across: number, down: number): number {
  const start = places[from];
  if (!start) return -1;
  const ways = places.map((place) => {
    const x = place.x + place.width / 2 - start.x - start.width / 2;
    const y = place.y + place.height / 2 - start.y - start.height / 2;
    const ahead = x * across + y * down;
    // What lies aside is farther than what lies ahead.
    return ahead > 1 ? ahead + 3 * (Math.abs(x * down) + Math.abs(y * across)) : Infinity;
  });
  const least = Math.min(...ways);
  return least === Infinity ? -1 : ways.indexOf(least);
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
