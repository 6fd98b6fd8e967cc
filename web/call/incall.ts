// The call itself: the room and all that shows it. Loaded while the person still looks at themselves before the call
// (visit.svelte.ts), so that the page is there sooner and "Join now" waits for nothing.
export { joinRoom, prepareRoom } from "../sdk";
export { Call } from "./call.svelte";
export { default as CallView } from "./CallView.svelte";
