/**
 * How the private key lies in this browser. Inside: under a key from the password and from the server's half
 * (oprf.js), which nobody can try without the server's counting. Outside: under a key of this device that no
 * script can read. Whatever of the record was changed, it does not open.
 */
import { finish, hide } from "./oprf.js";
import { join, sha256 } from "./der.js";

/** Fewest rounds of PBKDF2, also for a record that says fewer. */
export const LEAST = 600_000;
const KEY = { name: "ECDSA", namedCurve: "P-256" };
const { subtle } = globalThis.crypto;
const text = new TextEncoder();
const fresh = (size) => crypto.getRandomValues(new Uint8Array(size));

/** The record was changed, or belongs to another device. */
export class Damaged extends Error {}
export class WrongPassword extends Error {}

/** Make a pair of keys; it can be taken out only until it was wrapped. */
export function newKeys() {
  return subtle.generateKey(KEY, true, ["sign", "verify"]);
}

/** Make a password dear to try; the salt is new when none is given. */
export async function stretch(password, salt = fresh(16), iterations = LEAST) {
  const typed = await subtle.importKey("raw", text.encode(password.normalize("NFKC")), "PBKDF2", false, ["deriveBits"]);
  const bits = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, typed, 256);
  return { salt, iterations, stretched: new Uint8Array(bits) };
}

async function wrappingKey(stretched, ask, serial) {
  const { blind, blinded } = await hide(stretched);
  const value = await finish(stretched, blind, await ask(blinded));
  const both = await subtle.importKey("raw", join(stretched, value), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: text.encode(`kaihu certificate key v1|${serial}`) };
  return subtle.deriveKey(how, both, { name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"]);
}

async function layers({ certificate, salt, iterations, iv, outerIv }) {
  const bound = await sha256(certificate);
  const rounds = new Uint8Array(new Uint32Array([iterations]).buffer);
  return [
    { name: "AES-GCM", iv, additionalData: bound },
    { name: "AES-GCM", iv: outerIv, additionalData: join(bound, salt, rounds, iv) },
  ];
}

/**
 * Return the record to keep of a fresh key.
 * @param ask gets a point and returns the server's evaluation of it.
 */
export async function wrap(privateKey, serial, certificate, { salt, iterations, stretched }, ask) {
  const record = { serial, certificate, salt, iterations, iv: fresh(12), outerIv: fresh(12) };
  const [inner, outer] = await layers(record);
  const wrapped = await subtle.wrapKey("pkcs8", privateKey, await wrappingKey(stretched, ask, serial), inner);
  record.device = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  record.sealed = new Uint8Array(await subtle.encrypt(outer, record.device, wrapped));
  return record;
}

/** Return the key, which can sign and cannot be taken out. A record that was changed costs no try. */
export async function unwrap(record, password, ask) {
  if (!(record.iterations >= LEAST)) throw new Damaged();
  const [inner, outer] = await layers(record);
  const wrapped = await subtle.decrypt(outer, record.device, record.sealed).catch(() => { throw new Damaged(); });
  const { stretched } = await stretch(password, record.salt, record.iterations);
  const key = await wrappingKey(stretched, ask, record.serial);
  return subtle.unwrapKey("pkcs8", wrapped, key, inner, KEY, false, ["sign"]).catch(() => { throw new WrongPassword(); });
}

/** What is signed to prove to the server that the key is at hand; it cannot be taken for a document's. */
export function proof(serial, challenge) {
  return join(text.encode(`kaihu certificate proof v1\0${serial}\0`), challenge);
}
