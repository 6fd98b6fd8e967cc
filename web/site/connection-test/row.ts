// One test in the list: its name, its sign and word, what that means, and a button to make it again.
import { element } from "./element";
import { icon, type IconName } from "./icons";
import { standing, type Standing } from "./judgement";
import type { Outcomes, Test } from "./outcome";
import { explanation, type Place, stateWord, t } from "./words";

const SIGNS: Record<Standing | "running", IconName> = {
  works: "works",
  trouble: "trouble",
  blocked: "blocked",
  absent: "absent",
  skipped: "skipped",
  running: "running",
};

export class Row<T extends Test = Test> {
  readonly element: HTMLLIElement;
  readonly again: HTMLButtonElement;
  readonly skip: HTMLButtonElement;
  readonly #test: T;
  readonly #name: string;
  readonly #state = element("span", { className: "ct-state" });
  readonly #text = element("p", { className: "ct-text" });
  readonly #bar = element("span");
  readonly #meter = element("div", { className: "ct-meter", hidden: true, ariaHidden: "true" }, this.#bar);

  constructor(test: T) {
    this.#test = test;
    this.#name = t(`test-${test}`);
    const tech = `test-${test}-tech`;
    const known = t(tech) === tech ? "" : t(tech);
    const title = element("h3", { className: "ct-name", id: `test-${test}` }, this.#name);
    this.again = this.#button("test-again", icon("again", "ct-sign"));
    this.skip = this.#button("test-skip", t("test-skip"));
    const state = element("div", { className: "ct-end" }, this.#state, this.skip, this.again);
    const head = element(
      "div",
      { className: "ct-head" },
      title,
      ...(known ? [element("span", { className: "ct-tech" }, known)] : []),
      state,
    );
    this.element = element("li", { className: "ct-row" }, icon(test, "ct-icon"), head, this.#text, this.#meter);
    this.element.setAttribute("aria-labelledby", title.id);
    this.waiting();
  }

  waiting(): void {
    this.#show("waiting", t("test-state-waiting"), t(`test-${this.#test}-about`));
    this.again.hidden = true;
  }

  running(canSkip: boolean): void {
    const [running, about] = [`test-${this.#test}-running`, `test-${this.#test}-about`];
    this.#show("running", t("test-state-running"), t(t(running) === running ? about : running));
    this.again.hidden = true;
    this.skip.hidden = !canSkip;
  }

  /** What came of it; returns the short of it, to be read out. */
  done(outcome: Outcomes[T], place: Place): string {
    const word = stateWord(this.#test, outcome);
    this.#show(standing(outcome), word, explanation(this.#test, outcome, place));
    // What is not offered will not be there on a second look.
    this.again.hidden = outcome.is === "absent" || outcome.is === "unsupported";
    return t("test-announce", { test: this.#name, state: word });
  }

  /** From 0 to 1: how loud it is, or how far the test has come. */
  level(level: number): void {
    this.#meter.hidden = false;
    this.#bar.style.transform = `scaleX(${level.toFixed(3)})`;
  }

  /** Puts a picture above the words; null takes it away. */
  picture(video: HTMLVideoElement | null): void {
    this.element.querySelector("video")?.remove();
    if (video) this.#text.before(video);
  }

  #show(is: Standing | "running" | "waiting", word: string, text: string): void {
    this.element.dataset["is"] = is;
    this.#state.replaceChildren(...(is === "waiting" ? [] : [icon(SIGNS[is], "ct-sign")]), word);
    this.#text.textContent = text;
    this.#meter.hidden = true;
    this.skip.hidden = true;
  }

  /** One that is named after the test, too, for those who go from button to button. */
  #button(words: string, shown: Node | string): HTMLButtonElement {
    const label = t("test-button", { what: t(words), test: this.#name });
    const button = element(
      "button",
      { className: "btn btn-plain btn-small ct-button", type: "button", hidden: true, title: t(words) },
      shown,
    );
    button.setAttribute("aria-label", label);
    return button;
  }
}
