// What a page imports. A page that enters calls on demand gets the rest of this without them: the modules behind `joinRoom` and
// `prepareRoom` do nothing by being loaded (no calls at their top), so that bundlers can tell.
export type * from "./api";
export type { Diagnosis, Found, Tried } from "./monitor/diagnosis";
export type { Quality } from "./monitor/quality";
export type { LinkStats } from "./stats";
export type {
  ByeCode,
  ChatMessage,
  DeniedCode,
  ErrorCode,
  HeldReason,
  LeftReason,
  Limits,
  MediaState,
  MessageId,
  ParticipantId,
  Role,
  RoomInfo,
  RouteReason,
  Topology,
} from "./protocol.gen";
export { joinRoom } from "./join";
export { prepareRoom } from "./preparation";
export {
  asDeviceError,
  canChooseSpeaker,
  canShareScreen,
  DeviceError,
  listDevices,
  missingSupport,
  openCamera,
  openDevices,
  openMicrophone,
  openScreen,
  setSpeaker,
  watchDevices,
} from "./media/devices";
export type { Capture, DeviceErrorCode, DeviceInfo, Devices, Opened, OpenOptions } from "./media/devices";
export { AudioLevelMeter, meterLevel, resumeAudio } from "./media/level";
