/** Filters apply as they are chosen; J and K walk through the list, Enter opens. */
export class Filters {
  constructor(form) {
    form.addEventListener("change", () => form.requestSubmit());
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
      const step = { j: 1, k: -1 }[event.key.toLowerCase()];
      if (step) this.walk(step);
    });
  }

  walk(step) {
    const links = [...document.querySelectorAll("[data-row] .list__open")];
    const here = links.indexOf(document.activeElement);
    const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + step, 0), links.length - 1);
    links[next]?.focus();
  }
}
