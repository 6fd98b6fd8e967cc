// "Are you sure?" in a dialog on the same page, instead of the page that the link leads to.

/** Links with `data-confirm` open the dialog of that id; it sends its form to where the link leads. */
export function confirmHere(root: ParentNode): void {
  for (const link of root.querySelectorAll<HTMLAnchorElement>("a[data-confirm]")) {
    const dialog = document.getElementById(link.dataset.confirm ?? "");
    if (!(dialog instanceof HTMLDialogElement)) continue;
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      ask(dialog, link);
    });
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>("dialog [data-dismiss]")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
}

function ask(dialog: HTMLDialogElement, link: HTMLAnchorElement): void {
  dialog.querySelector("form")?.setAttribute("action", link.pathname);
  const title = dialog.querySelector("[data-confirm-title]");
  if (title !== null) title.textContent = link.dataset.title ?? "";
  dialog.showModal();
}
