/**
 * The only place where text becomes markup, or an address a script: fragments that our own server rendered and
 * workers of our own, from our own origin. Under Trusted Types this policy is the one the page allows.
 */
const policy = window.trustedTypes?.createPolicy("kaihu", { createHTML: (text) => text, createScriptURL: (url) => url });

/** Start one of our own scripts beside the page. */
export function worker(address) {
  const url = new URL(address, window.location.origin);
  if (url.origin !== window.location.origin) throw new TypeError("not a script of ours");
  return new Worker(policy ? policy.createScriptURL(url.href) : url.href, { type: "module" });
}

/** Fetch a fragment of a page of ours; null when it did not come. */
export async function fragment(path) {
  const url = new URL(path, window.location.origin);
  if (url.origin !== window.location.origin) return null;
  const answer = await fetch(url, { headers: { Accept: "text/html", "X-Fragment": "1" }, redirect: "error" });
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/html")) return null;
  const text = await answer.text();
  const holder = document.createElement("template");
  holder.innerHTML = policy ? policy.createHTML(text) : text;
  return holder.content;
}
