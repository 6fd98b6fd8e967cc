// What shows and explains the connections of a call. Loaded when it is needed (call.svelte.ts), with its own sentences.
import words from "../../i18n/en/connection.ftl?compiled&raw";
import { learn } from "../../i18n";

export { default as ConnectionPanel } from "./ConnectionPanel.svelte";
export { default as Trouble } from "./Trouble.svelte";

learn(words);
