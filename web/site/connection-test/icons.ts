// The icons of this page (Lucide, ISC), each the data of one path on a 24 x 24 grid.
import works from "lucide-static/icons/check.svg?path&raw";
import again from "lucide-static/icons/rotate-ccw.svg?path&raw";
import skipped from "lucide-static/icons/skip-forward.svg?path&raw";
import absent from "lucide-static/icons/minus.svg?path&raw";
import trouble from "lucide-static/icons/triangle-alert.svg?path&raw";
import blocked from "lucide-static/icons/x.svg?path&raw";
import speed from "lucide-static/icons/gauge.svg?path&raw";
import running from "lucide-static/icons/loader-circle.svg?path&raw";
import tls from "lucide-static/icons/lock.svg?path&raw";
import microphone from "lucide-static/icons/mic.svg?path&raw";
import tcp from "lucide-static/icons/route.svg?path&raw";
import socket from "lucide-static/icons/server.svg?path&raw";
import stun from "lucide-static/icons/arrow-left-right.svg?path&raw";
import camera from "lucide-static/icons/video.svg?path&raw";
import udp from "lucide-static/icons/waypoints.svg?path&raw";

export const icons = { absent, again, blocked, camera, microphone, running, skipped, socket, speed, stun, tcp, tls, trouble, udp, works };

export type IconName = keyof typeof icons;

/** An icon as an element; it says nothing to those who do not see it. */
export function icon(name: IconName, className: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", className);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", icons[name]);
  svg.append(path);
  return svg;
}

const SVG = "http://www.w3.org/2000/svg";
