/** Words come from the page, already in the reader's language; this fills in their {gaps}. */
export function fill(words, gaps) {
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in gaps ? String(gaps[name]) : whole));
}

/** The token that every POST carries. */
export function csrf() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

/** One of our drawings, for text that a script writes. */
export function icon(name) {
  const known = document.querySelector("svg.icon use").getAttribute("href").split("#")[0];
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${known}#${name}`);
  drawing.append(use);
  return drawing;
}

/** Show `words` after a drawing in `place`, instead of what was there. */
export function say(place, words, drawing) {
  const text = document.createElement("span");
  text.textContent = words;
  place.replaceChildren(...(drawing ? [icon(drawing)] : []), text);
}
