// The "Copy link" buttons. The link itself stands beside them, for when the browser does not let us.

const BACK_AFTER_MS = 2500;

/** Brings the buttons to life; without a script they stay hidden. */
export function copyLinks(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    button.hidden = false;
    const words = button.textContent;
    let back: ReturnType<typeof setTimeout> | undefined;
    button.addEventListener("click", async () => {
      const said = (await copied(button.dataset.copy ?? "")) ? button.dataset.copied : button.dataset.copyFailed;
      button.textContent = said ?? words;
      tell(said ?? "");
      clearTimeout(back);
      back = setTimeout(() => (button.textContent = words), BACK_AFTER_MS);
    });
  }
}

async function copied(text: string): Promise<boolean> {
  try {
    // Not there at all where the page is not a secure context.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function tell(text: string): void {
  const status = document.getElementById("told");
  if (status !== null) status.textContent = text;
}
