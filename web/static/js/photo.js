import { csrf, fill, say } from "./words.js";

const LARGEST = 10 * 1024 * 1024; // bytes, inclusive (manual §4.2)

/** One picture: checked here, sent at once with progress, and tried again on a bad line. */
export class Photo {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=file]");
    this.state = root.querySelector("[data-state]");
    this.progress = root.querySelector("[data-progress]");
    this.frame = root.querySelector("[data-drop]");
    if (!this.input || !root.dataset.upload) return;
    // The button without scripts sends the file; here choosing a file does.
    root.querySelector("[data-send]").hidden = true;
    root.querySelector("[data-choose]").hidden = false;
    root.classList.add("photo--live");
    this.bin = root.querySelector("[data-remove]");
    this.bin.hidden = "empty" in this.bin.dataset;
    this.bin.addEventListener("click", () => this.remove());
    this.input.addEventListener("change", () => this.take(this.input.files[0]));
    this.take(this.input.files[0]); // chosen before this script had loaded
    this.frame.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("photo--over"); });
    this.frame.addEventListener("dragleave", () => root.classList.remove("photo--over"));
    this.frame.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("photo--over");
      this.take(event.dataTransfer.files[0]);
    });
  }

  async take(file) {
    if (!file || this.busy) return;
    const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    const jpeg = start[0] === 0xff && start[1] === 0xd8 && /\.jpe?g$/i.test(file.name);
    if (!jpeg) return this.refuse(this.root.dataset.notJpg);
    if (file.size > LARGEST) return this.refuse(this.root.dataset.tooLarge);
    // One key for every try of this choice, so that a lost answer makes no second picture.
    this.send(file, crypto.randomUUID?.() ?? String(Date.now()));
  }

  send(file, key) {
    this.busy = true;
    const body = new FormData();
    body.append("csrf_token", csrf());
    body.append("slot", this.root.dataset.slot);
    body.append("upload_key", key);
    body.append(this.root.dataset.slot, file, file.name);
    // The consent that stands on the page goes with the first picture.
    for (const box of this.root.closest("form").querySelectorAll('input[type=checkbox][name$=".agreed"]:checked')) {
      body.append(box.name, box.value);
    }
    const request = new XMLHttpRequest();
    request.open("POST", this.root.dataset.upload);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrf());
    request.timeout = 120000;
    request.upload.addEventListener("progress", (event) => this.show(event));
    request.addEventListener("load", () => this.answered(request, file, key));
    request.addEventListener("error", () => this.lost(file, key));
    request.addEventListener("timeout", () => this.lost(file, key));
    this.progress.hidden = false;
    this.progress.value = 0;
    request.send(body);
  }

  show(event) {
    const percent = event.lengthComputable ? Math.round((event.loaded / event.total) * 100) : 0;
    this.progress.value = percent;
    this.tell(percent < 100 ? fill(this.root.dataset.sending, { percent }) : this.root.dataset.checking, "upload", "busy");
  }

  answered(request, file, key) {
    let told = {};
    try { told = JSON.parse(request.responseText); } catch { /* not ours: a proxy's page */ }
    if (request.status >= 500 || request.status === 0) return this.lost(file, key);
    this.done();
    const said = told.message ?? told.problems?.map((one) => one.message).join(" ");
    if (request.status >= 400) return this.refuse(said ?? this.root.dataset.refused);
    this.picture(told.url ?? URL.createObjectURL(file));
    this.tell(said ?? this.root.dataset.done, said ? "warn" : "done");
    this.bin.hidden = false;
    this.follow(told);
  }

  async remove() {
    if (this.busy) return;
    const url = `${this.root.dataset.upload}/${encodeURIComponent(this.root.dataset.slot)}`;
    const headers = { Accept: "application/json", "X-CSRFToken": csrf() };
    const answer = await fetch(url, { method: "DELETE", headers }).catch(() => null);
    if (!answer?.ok) return this.refuse(this.root.dataset.lost);
    this.follow(await answer.json());
    this.frame.replaceChildren();
    this.root.classList.remove("photo--there");
    this.bin.hidden = true;
    this.tell(this.root.dataset.removed, "check");
  }

  /** The desk moved on: the page's next word to the server must know of it. */
  follow(told) {
    const revision = this.root.closest("form").elements.revision;
    if (revision && told.revision !== undefined) revision.value = told.revision;
  }

  picture(url) {
    const image = document.createElement("img");
    image.className = "photo__picture";
    image.src = url;
    image.alt = this.root.querySelector("legend").textContent.replace("*", "").trim();
    this.frame.replaceChildren(image);
    this.root.classList.add("photo--there");
    const words = this.root.querySelector("[data-choose-words]");
    words.textContent = words.dataset.again;
    this.root.classList.remove("question--wrong");
    this.root.querySelector(".question__error")?.remove();
  }

  lost(file, key) {
    this.done();
    this.tell(this.root.dataset.lost, "warn", "wrong");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "button button--second button--small";
    again.textContent = this.root.dataset.again;
    again.addEventListener("click", () => this.send(file, key));
    this.state.append(again);
  }

  refuse(words) {
    this.input.value = "";
    this.tell(words, "warn", "wrong");
  }

  done() {
    this.busy = false;
    this.progress.hidden = true;
    this.input.value = "";
  }

  tell(words, drawing, kind = "") {
    say(this.state, words, drawing);
    this.state.className = `photo__state${kind ? ` photo__state--${kind}` : ""}`;
  }
}
