// What is seen of the test: where it stands as a whole, the list of tests, the report.
import { element } from "./element";
import { icon } from "./icons";
import { TESTS, type Outcomes, type Test } from "./outcome";
import { Row } from "./row";
import { type Place, type Said, t } from "./words";

const GROUPS: readonly [string, readonly Test[]][] = [
  ["test-group-devices", ["camera", "microphone"]],
  ["test-group-way", ["socket", "stun", "udp", "tcp", "tls"]],
  ["test-group-quality", ["speed"]],
];

const SIGNS = { good: "works", fair: "trouble", bad: "blocked" } as const;

export interface Actions {
  start(): void;
  again(test: Test): void;
  skip(): void;
  /** The report, with the own address or without. */
  report(withAddress: boolean): string;
}

export class View {
  readonly video = element("video", { className: "ct-picture", muted: true, playsInline: true, ariaHidden: "true" });
  readonly #rows = new Map<Test, Row>(TESTS.map((test) => [test, new Row(test)]));
  readonly #actions: Actions;
  readonly #told = element("p", { className: "visually-hidden", role: "status" });
  readonly #start = element("button", { className: "btn btn-accent", type: "button" }, t("test-start"));
  readonly #devices = element("input", { className: "form-check-input", type: "checkbox", id: "ct-devices", checked: true });
  readonly #switch = element("div", { className: "form-check form-switch" });
  readonly #stage = element("section", { className: "card ct-stage" });
  readonly #headline = element("h2", { className: "ct-headline" });
  readonly #notes = element("div", { className: "ct-notes" });
  readonly #bar = element("span");
  readonly #progress = element("div", { className: "ct-meter", hidden: true, ariaHidden: "true" }, this.#bar);
  readonly #report: HTMLElement;
  readonly #text = element("textarea", {
    className: "form-control ct-report-text",
    readOnly: true,
    rows: 17,
    dir: "auto",
    spellcheck: false,
  });
  readonly #address = element("input", { className: "form-check-input", type: "checkbox", id: "ct-address" });

  constructor(root: HTMLElement, actions: Actions) {
    this.#actions = actions;
    this.#report = this.#makeReport();
    this.#makeStage();
    const groups = GROUPS.map(([title, tests]) => {
      const rows = tests.map((test) => this.#row(test).element);
      return element(
        "section",
        { className: "ct-group" },
        element("h2", {}, t(title)),
        element("ul", { className: "card ct-list" }, ...rows),
      );
    });
    for (const [test, row] of this.#rows) {
      row.again.addEventListener("click", () => actions.again(test));
      row.skip.addEventListener("click", () => actions.skip());
    }
    root.append(this.#stage, this.#told, ...groups, this.#report);
  }

  /** The person wants camera and microphone to be tested, too. */
  get withDevices(): boolean {
    return this.#devices.checked;
  }

  /** Nothing else can be started from now on. */
  begin(tests: readonly Test[]): void {
    this.#busy(true);
    this.#say("running", t("test-running"), []);
    this.#progress.hidden = false;
    this.progress(0, tests.length);
    this.#report.hidden = true;
    if (tests.length === TESTS.length) for (const row of this.#rows.values()) row.waiting();
  }

  progress(done: number, all: number): void {
    this.#notes.replaceChildren(element("p", {}, t("test-running-words", { done, all })));
    this.#bar.style.transform = `scaleX(${done / all})`;
  }

  running(test: Test, canSkip = false): void {
    this.#row(test).running(canSkip);
    if (test === "camera") this.#row(test).picture(this.video);
  }

  /** The camera is let go of. */
  withoutPicture(): void {
    this.#row("camera").picture(null);
  }

  level(test: Test, level: number): void {
    this.#row(test).level(level);
  }

  done<T extends Test>(test: T, outcome: Outcomes[T], place: Place): void {
    this.#tell(this.#row(test).done(outcome, place));
  }

  /** It has ended. `verdict` null: not all is known. `problem`: why it could not go on. */
  end(verdict: Said | null, problem: string | null, hasResults: boolean): void {
    this.#busy(false);
    this.#progress.hidden = true;
    this.#start.textContent = t("test-again");
    if (problem !== null) this.#say("fair", problem, []);
    else if (verdict) this.#say(verdict.level, verdict.headline, verdict.notes);
    else this.#say("ready", t("test-ready"), [t("test-ready-words")]);
    this.#report.hidden = !hasResults;
    this.#fillReport();
    if (problem !== null || verdict) this.#tell([this.#headline, ...this.#notes.children].map((one) => one.textContent).join(" "));
  }

  #makeStage(): void {
    const help = element("p", { className: "form-text", id: "ct-devices-help" }, t("test-devices-help"));
    this.#devices.setAttribute("role", "switch");
    this.#devices.setAttribute("aria-describedby", help.id);
    const label = element("label", { className: "form-check-label", htmlFor: this.#devices.id }, t("test-devices"));
    this.#switch.append(this.#devices, label, help);
    this.#start.addEventListener("click", () => this.#actions.start());
    this.#stage.append(element("div", { className: "ct-say" }, this.#headline, this.#notes, this.#progress));
    this.#stage.append(element("div", { className: "ct-acts" }, this.#start, this.#switch));
    this.#say("ready", t("test-ready"), [t("test-ready-words")]);
  }

  #makeReport(): HTMLElement {
    const title = element("h2", {}, t("test-report"));
    const label = element("label", { className: "form-check-label", htmlFor: this.#address.id }, t("test-report-address"));
    const copy = element("button", { className: "btn btn-quiet", type: "button" }, t("test-report-copy"));
    const told = element("p", { className: "ct-copied", role: "status" });
    this.#text.setAttribute("aria-label", t("test-report-text"));
    this.#address.addEventListener("change", () => this.#fillReport());
    copy.addEventListener("click", async () => void (told.textContent = t(await this.#copy())));
    return element(
      "section",
      { className: "card ct-report", hidden: true },
      title,
      element("p", { className: "explained" }, t("test-report-help")),
      this.#text,
      element("div", { className: "form-check" }, this.#address, label),
      element("div", { className: "ct-acts" }, copy, told),
    );
  }

  /** The id of what to say about it. */
  async #copy(): Promise<string> {
    try {
      // Not there at all where the page is not a secure context.
      await navigator.clipboard.writeText(this.#text.value);
      return "test-report-copied";
    } catch {
      this.#text.select();
      return "test-report-by-hand";
    }
  }

  #fillReport(): void {
    this.#text.value = this.#actions.report(this.#address.checked);
  }

  #say(level: Said["level"] | "ready" | "running", headline: string, notes: readonly string[]): void {
    this.#stage.dataset["level"] = level;
    this.#stage.querySelector(".ct-seal")?.remove();
    if (level in SIGNS) this.#stage.prepend(icon(SIGNS[level as Said["level"]], "ct-seal"));
    this.#headline.textContent = headline;
    this.#notes.replaceChildren(...notes.map((note) => element("p", {}, note)));
  }

  /** Buttons stay where the focus is, and do nothing meanwhile. */
  #busy(busy: boolean): void {
    for (const button of [this.#start, ...[...this.#rows.values()].map(({ again }) => again)]) button.ariaDisabled = busy ? "true" : null;
    this.#devices.disabled = busy;
  }

  #tell(text: string): void {
    this.#told.textContent = text;
  }

  #row(test: Test): Row {
    return this.#rows.get(test)!;
  }
}
