import { csrf } from "../words.js";

const AGAIN = [300, 1500]; // ms until a lost request is sent again

/** The server said no; `message` is for the reader. */
export class Refused extends Error {
  constructor(status, { message = "", code = "", ...more }) {
    super(message);
    Object.assign(this, { status, code, more });
  }
}

/** Post JSON and return the answer's. For requests that are safe to send twice: a lost one is sent again. */
export async function post(url, body) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() },
    body: JSON.stringify(body),
  };
  for (const wait of [...AGAIN, 0]) {
    const answer = await fetch(url, options).catch(() => null);
    if (answer?.ok) return answer.json();
    if (answer && answer.status < 502) throw new Refused(answer.status, await answer.json().catch(() => ({})));
    if (!wait) throw new Refused(answer?.status ?? 0, {});
    await new Promise((done) => setTimeout(done, wait));
  }
}
