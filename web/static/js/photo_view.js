import { say } from "./words.js";

/** What a picture slot shows: its pictures, its state in words, what was found, and what can be done. */
export class PhotoView {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.place = root.querySelector("[data-state]");
    this.bar = root.querySelector("[data-progress]");
    this.name = root.querySelector("legend").textContent.replace("*", "").trim();
    for (const tab of root.querySelectorAll("[data-show]")) tab.addEventListener("click", () => this.turnTo(tab.dataset.show));
  }

  part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  /** Show what only works with scripts. */
  enliven() {
    this.root.classList.add("photo--live");
    for (const name of ["camera", "choose"]) this.part(name).hidden = false;
    for (const name of ["crop", "remove"]) {
      const button = this.part(name);
      if (button) button.hidden = !("ready" in button.dataset);
    }
    const both = !this.figure("result").hidden;
    this.part("switch").hidden = !both;
    this.root.classList.toggle("photo--two", both);
    this.turnTo(both && this.figure("result").querySelector("[data-used]").hidden ? "view" : both ? "result" : "view");
  }

  figure(which) {
    return this.root.querySelector(`[data-view="${which}"]`);
  }

  /** On a narrow screen one of the two pictures is seen at a time. */
  turnTo(which) {
    this.words.shown = which;
    for (const tab of this.root.querySelectorAll("[data-show]")) tab.setAttribute("aria-pressed", String(tab.dataset.show === which));
  }

  /** Show a picture that is on its way. */
  preview(url) {
    this.release();
    this.local = url;
    this.pictures({ view: url });
    this.findings([]);
    this.words.status = "sending";
    this.tools({ status: "sending", view: url });
  }

  show(state) {
    this.words.status = state.status;
    const onlyHere = state.status === "checking" && !state.view;
    if (!onlyHere) this.release();
    this.pictures(onlyHere ? { view: this.local } : state);
    this.part("waiting").hidden = !onlyHere || Boolean(this.local);
    this.findings(state.status === "checking" ? [] : state.findings.filter((one) => one.sentence !== state.message));
    this.tools(state);
    if (state.status === "checking") this.tell(this.words.checking, "clock", "busy");
    else if (state.status === "refused") this.tell(state.message, "warn", "wrong");
    else if (state.status === "done") this.tell(this.words.done, "done");
    else this.tell("", "");
    this.progress(state.status === "checking" ? undefined : null);
    if (state.status !== "done") return;
    this.root.classList.remove("question--wrong");
    this.root.querySelector(".question__error")?.remove();
    this.root.dispatchEvent(new Event("mended", { bubbles: true }));
  }

  pictures(state) {
    for (const which of ["view", "result"]) {
      const figure = this.figure(which);
      const picture = figure.querySelector("[data-picture]");
      figure.hidden = !state[which];
      if (!state[which]) picture.removeAttribute("src");
      else if (picture.getAttribute("src") !== state[which]) picture.src = state[which];
      figure.querySelector("[data-used]").hidden = !state.result || state.chosen !== which;
    }
    const both = Boolean(state.view && state.result);
    this.part("views").hidden = !state.view && !state.result;
    this.part("example").hidden = Boolean(state.view) || state.status === "checking";
    this.part("switch").hidden = !both;
    this.root.classList.toggle("photo--two", both);
    this.turnTo(both ? state.chosen ?? "result" : "view");
  }

  findings(found) {
    this.part("findings").replaceChildren(...found.map((one) => {
      const line = this.root.querySelector(`template[data-finding="${one.weight}"]`).content.cloneNode(true);
      line.querySelector("[data-sentence]").textContent = one.sentence;
      const more = line.querySelector("[data-for]");
      if (more && !more.dataset.for.split(" ").includes(one.code)) more.remove();
      return line;
    }));
  }

  tools(state) {
    const still = !state.kept && ["done", "refused"].includes(state.status);
    const offered = {
      crop: still && state.view,
      turn: still && state.view,
      'use="view"': state.status === "done" && state.result && state.chosen === "result",
      'use="result"': state.status === "done" && state.result && state.chosen === "view",
      remove: !state.kept && !["empty", "sending"].includes(state.status),
    };
    for (const [name, now] of Object.entries(offered)) {
      const button = this.part(name);
      if (button) button.hidden = !now;
    }
    for (const name of ["camera", "choose"]) {
      const words = this.part(name).querySelector("[data-words]");
      words.textContent = state.status === "empty" ? words.dataset.words : words.dataset.again;
    }
  }

  tell(words, drawing, kind = "") {
    if (words) say(this.place, words, drawing);
    else this.place.replaceChildren();
    this.place.className = `photo__state${kind ? ` photo__state--${kind}` : ""}`;
  }

  /** Put a button beside the words. */
  offer(words, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--second button--small";
    button.textContent = words;
    button.addEventListener("click", act, { once: true });
    this.place.append(button);
  }

  /** How much is done, in percent; undefined while nobody can tell, null when there is nothing to do. */
  progress(percent) {
    this.bar.hidden = percent === null;
    if (percent === undefined) this.bar.removeAttribute("value");
    else this.bar.value = percent ?? 0;
  }

  /** A button that was pressed is gone: the focus stays near it. */
  focusNear(gone) {
    const heir = gone?.dataset.use ? this.part(`use="${gone.dataset.use === "view" ? "result" : "view"}"`) : this.part("camera");
    (heir.hidden ? this.part("camera") : heir).focus({ preventScroll: true });
  }

  release() {
    if (this.local?.startsWith("blob:")) URL.revokeObjectURL(this.local);
    this.local = undefined;
  }
}
