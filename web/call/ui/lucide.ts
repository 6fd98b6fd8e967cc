// A build step: `import mic from "lucide-static/icons/mic.svg?path&raw"` gives the icon as the data of one <path>, so that
// icons need neither {@html} nor a request, and only those that are imported are shipped. Runs in Node, never in the page.
import type { Plugin } from "vite";

export function lucide(): Plugin {
  return {
    name: "lucide-path",
    enforce: "post",
    transform(code, id) {
      if (!/lucide-static\/icons\/[a-z0-9-]+\.svg\?path&raw$/.test(id)) return null;
      const svg = JSON.parse(code.slice(code.indexOf('"'), code.lastIndexOf('"') + 1)) as string;
      return { code: `export default ${JSON.stringify(pathData(svg))};`, map: null };
    },
  };
}

/** The shapes of a Lucide SVG (path, rect, circle, ellipse, line, polyline) as one path's `d`. */
export function pathData(svg: string): string {
  const shapes = [...svg.matchAll(/<(path|rect|circle|ellipse|line|polyline|polygon)\s([^>]*?)\/>/g)];
  return shapes.map(([, tag = "", list = ""]) => shape(tag, attributes(list))).join("");
}

function attributes(list: string): (name: string) => string {
  const found = new Map([...list.matchAll(/([a-z0-9]+)="([^"]*)"/g)].map(([, name, value]) => [name, value] as const));
  return (name) => found.get(name) ?? "0";
}

function shape(tag: string, get: (name: string) => string): string {
  const number = (name: string) => Number(get(name));
  switch (tag) {
    case "path":
      // A first relative move starts where the shape before it ended: back to the origin first.
      return get("d").replace(/^m/, "M0 0m");
    case "rect":
      return rect(number("x"), number("y"), number("width"), number("height"), number("rx"));
    case "circle":
      return ellipse(number("cx"), number("cy"), number("r"), number("r"));
    case "ellipse":
      return ellipse(number("cx"), number("cy"), number("rx"), number("ry"));
    case "line":
      return `M${get("x1")} ${get("y1")}L${get("x2")} ${get("y2")}`;
    default:
      return `M${get("points").trim()}${tag === "polygon" ? "z" : ""}`;
  }
}

function rect(x: number, y: number, width: number, height: number, r: number): string {
  const corner = (dx: number, dy: number) => (r ? `a${r} ${r} 0 0 1 ${dx} ${dy}` : "");
  const [across, down] = [width - 2 * r, height - 2 * r];
  return `M${x + r} ${y}h${across}${corner(r, r)}v${down}${corner(-r, r)}h${-across}${corner(-r, -r)}v${-down}${corner(r, -r)}z`;
}

function ellipse(cx: number, cy: number, rx: number, ry: number): string {
  return `M${cx - rx} ${cy}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0z`;
}
