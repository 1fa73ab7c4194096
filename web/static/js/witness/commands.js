import { csrf } from "../words.js";

const PATIENCE = 8000; // ms for one answer

/** The server refused a command; `message` is for the reader. */
export class Refused extends Error {
  constructor(status, told) {
    super(told.message ?? "");
    Object.assign(this, { status, code: told.code ?? "", told });
  }
}

/** Send a command and return what the server answers; throws Refused, or TypeError when nobody answered. */
export async function send(url, body = {}) {
  const form = body instanceof FormData;
  const headers = { Accept: "application/json", "X-CSRFToken": csrf() };
  if (!form) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {
    method: "POST", headers, body: form ? body : JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE),
  });
  const told = await answer.json().catch(() => null);
  if (answer.status >= 500 || !told) throw new TypeError(`no answer: ${answer.status}`);
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

/** How long it is, for clocks that run: 4:05, or 1:04:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
