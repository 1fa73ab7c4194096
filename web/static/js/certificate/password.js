/** Certificate passwords: judged here, because they never leave this page. */

const COMMON = /^(?:p[a@]ssw[o0]rd|passw0rd|qwerty|asdfgh|abc123|a123456|iloveyou|woaini|admin|letmein)\d*$/i;

/** Whether nobody needs to guess: one letter over and over, one after the other, a short piece repeated. */
function trivial(password) {
  const steps = Array.from(password).map((letter, at, all) => at && letter.codePointAt(0) - all[at - 1].codePointAt(0));
  const small = steps.slice(1).every((step) => Math.abs(step) <= 1);
  return small || /^(.{1,4})\1+$/u.test(password) || new Set(password).size < 3 || COMMON.test(password);
}

/** Return what is wrong with a new password: "missing", "shape", "trivial"; or "". */
export function fault(password, rule) {
  if (!password) return "missing";
  const size = Array.from(password).length;
  if (rule === "digits6" ? !/^[0-9]{6}$/.test(password) : size < 6 || size > 20) return "shape";
  return trivial(password) ? "trivial" : "";
}

/** How hard a password is to guess: 0 weak, 1 middling, 2 strong. */
export function strength(password) {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(password)).length;
  const size = Array.from(password).length;
  return (size >= 8 && kinds >= 2) + (size >= 10 && kinds >= 3) + (size >= 16 && kinds < 3 && kinds > 1 ? 1 : 0);
}
