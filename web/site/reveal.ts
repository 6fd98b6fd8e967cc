// The "Show" button in a password field.

/** Brings the buttons to life; without a script they stay hidden. */
export function revealPasswords(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button.reveal")) {
    const input = document.getElementById(button.getAttribute("aria-controls") ?? "");
    if (!(input instanceof HTMLInputElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => show(button, input, input.type === "password"));
    // What was shown is not kept by browsers that remember text fields.
    input.form?.addEventListener("submit", () => show(button, input, false));
  }
}

function show(button: HTMLButtonElement, input: HTMLInputElement, shown: boolean): void {
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}
