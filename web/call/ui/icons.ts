// The icons of the call page (Lucide, ISC), each the data of one path on a 24 x 24 grid.
import back from "lucide-static/icons/arrow-down.svg?path&raw";
import bars from "lucide-static/icons/chart-no-axes-column-increasing.svg?path&raw";
import check from "lucide-static/icons/check.svg?path&raw";
import before from "lucide-static/icons/chevron-left.svg?path&raw";
import after from "lucide-static/icons/chevron-right.svg?path&raw";
import alert from "lucide-static/icons/circle-alert.svg?path&raw";
import paused from "lucide-static/icons/circle-pause.svg?path&raw";
import more from "lucide-static/icons/ellipsis.svg?path&raw";
import hand from "lucide-static/icons/hand.svg?path&raw";
import home from "lucide-static/icons/house.svg?path&raw";
import keyboard from "lucide-static/icons/keyboard.svg?path&raw";
import link from "lucide-static/icons/link.svg?path&raw";
import enlarge from "lucide-static/icons/maximize.svg?path&raw";
import chat from "lucide-static/icons/message-square.svg?path&raw";
import micOff from "lucide-static/icons/mic-off.svg?path&raw";
import mic from "lucide-static/icons/mic.svg?path&raw";
import screen from "lucide-static/icons/monitor-up.svg?path&raw";
import pencil from "lucide-static/icons/pencil.svg?path&raw";
import leave from "lucide-static/icons/phone-off.svg?path&raw";
import pin from "lucide-static/icons/pin.svg?path&raw";
import again from "lucide-static/icons/rotate-ccw.svg?path&raw";
import search from "lucide-static/icons/search.svg?path&raw";
import send from "lucide-static/icons/send-horizontal.svg?path&raw";
import server from "lucide-static/icons/server.svg?path&raw";
import settings from "lucide-static/icons/settings.svg?path&raw";
import people from "lucide-static/icons/users.svg?path&raw";
import cameraOff from "lucide-static/icons/video-off.svg?path&raw";
import camera from "lucide-static/icons/video.svg?path&raw";
import flip from "lucide-static/icons/switch-camera.svg?path&raw";
import sound from "lucide-static/icons/volume-2.svg?path&raw";
import mesh from "lucide-static/icons/waypoints.svg?path&raw";
import away from "lucide-static/icons/wifi-off.svg?path&raw";
import close from "lucide-static/icons/x.svg?path&raw";

export const icons = {
  after,
  again,
  alert,
  away,
  back,
  bars,
  before,
  camera,
  cameraOff,
  chat,
  check,
  close,
  enlarge,
  flip,
  hand,
  home,
  keyboard,
  leave,
  link,
  mesh,
  mic,
  micOff,
  more,
  paused,
  pencil,
  people,
  pin,
  screen,
  search,
  send,
  server,
  settings,
  sound,
};

export type IconName = keyof typeof icons;
