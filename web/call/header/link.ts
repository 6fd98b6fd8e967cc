// The meeting's link, into the clipboard.
import { t } from "../../i18n";
import type { Notices } from "../notices/notices.svelte";

/** Copies the link and says so; where there is no clipboard, shows the link to be copied by hand. */
export async function copyLink(link: string, notices: Notices): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(link);
    notices.say(t("link-copied"));
    return true;
  } catch {
    notices.say(t("link-by-hand", { link }), "trouble");
    return false;
  }
}
