/** DER (X.690) by hand, as far as a certificate request and the signed attributes of a PDF need it. */

const text = new TextEncoder();

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function same(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

export function unbase64(words) {
  return Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0));
}

export function tlv(tag, ...parts) {
  const value = join(...parts);
  const size = value.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return join([tag, ...length], value);
}

const sequence = (...parts) => tlv(0x30, ...parts);
const setOf = (...parts) => tlv(0x31, ...parts);

function oid(dotted) {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 127];
    while ((arc >>= 7)) groups.unshift(128 | (arc & 127));
    return groups;
  });
  return tlv(6, [first * 40 + second, ...bytes]);
}

function integer(bytes) {
  let from = 0;
  while (from < bytes.length - 1 && !bytes[from]) from += 1;
  const rest = bytes.subarray(from);
  return tlv(2, rest[0] & 128 ? [0] : [], rest);
}

/** Web Crypto gives r and s one after the other; certificates and PDFs want them in a sequence. */
export async function sign(key, bytes) {
  const both = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, bytes));
  return sequence(integer(both.subarray(0, 32)), integer(both.subarray(32)));
}

export async function publicKey(key) {
  return new Uint8Array(await crypto.subtle.exportKey("spki", key));
}

/** A PKCS#10 request; its challengePassword is the nonce that a passed video gave. Nobody reads its subject. */
export async function request(keys, nonce) {
  const subject = sequence(setOf(sequence(oid("2.5.4.3"), tlv(12, text.encode("customer")))));
  const challenge = sequence(oid("1.2.840.113549.1.9.7"), setOf(tlv(12, text.encode(nonce))));
  const told = sequence(tlv(2, [0]), subject, await publicKey(keys.publicKey), tlv(0xa0, challenge));
  const signature = tlv(3, [0], await sign(keys.privateKey, told));
  return sequence(told, sequence(oid("1.2.840.10045.4.3.2")), signature);
}

function read(bytes, at) {
  let [size, start] = [bytes[at + 1], at + 2];
  if (size & 128) {
    const many = size & 127;
    size = bytes.subarray(start, start + many).reduce((sum, byte) => sum * 256 + byte, 0);
    start += many;
  }
  if (!(start + size <= bytes.length)) throw new RangeError("DER ends too early");
  return { start, end: start + size };
}

/** What we use of a certificate, each as it stands there. */
export function opened(certificate) {
  let at = read(certificate, read(certificate, 0).start).start;
  const [, serial, , issuer, , , key] = Array.from({ length: 7 }, () => {
    const { end } = read(certificate, at);
    const part = certificate.subarray(at, end);
    at = end;
    return part;
  });
  return { serial, issuer, key };
}

function before(one, other) {
  const at = one.findIndex((byte, place) => byte !== other[place]);
  return one[at] - other[at];
}

/** What is signed for a document: contentType, messageDigest, signingCertificateV2 with issuer (RFC 5035). */
export async function signedAttributes(digest, certificate) {
  const { serial, issuer } = opened(certificate);
  const named = sequence(sequence(tlv(0xa4, issuer)), serial);
  const signer = sequence(sequence(sequence(tlv(4, await sha256(certificate)), named)));
  const attributes = [
    sequence(oid("1.2.840.113549.1.9.3"), setOf(oid("1.2.840.113549.1.7.1"))),
    sequence(oid("1.2.840.113549.1.9.4"), setOf(tlv(4, digest))),
    sequence(oid("1.2.840.113549.1.9.16.2.47"), setOf(signer)),
  ];
  return setOf(...attributes.sort(before));
}
