import { sha256 } from "./der.js";

/** The size of the hole that every paper has for its signature: < and zeros and >. */
const HOLE = 16386;

/** The bytes are not a paper with an empty hole. */
export class NoPaper extends Error {}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Find the hole of a paper, which must be empty, and return the digest of all round it. */
export async function digestOf(pdf) {
  let start = -1;
  do start = pdf.indexOf(0x3c, start + 1);
  while (start >= 0 && !pdf.subarray(start + 1, start + HOLE - 1).every((byte) => byte === 0x30));
  const end = start + HOLE;
  if (start < 0 || pdf[end - 1] !== 0x3e) throw new NoPaper();
  const bytes = await sha256(pdf.subarray(0, start), pdf.subarray(end));
  return { start, end, bytes, digest: hex(bytes) };
}
