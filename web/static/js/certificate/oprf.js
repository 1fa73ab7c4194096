/**
 * The browser's half of RFC 9497 OPRF(P-256, SHA-256): hide an input in a point, take the hiding off again.
 * Points are multiplied by @noble/curves; hashing to a point stands here, for theirs weighs as much again.
 */
import { Point } from "../../dist/curve.js";
import { join, sha256 } from "./der.js";

const { Fp, Fn } = Point;
const text = new TextEncoder();
const TAG = text.encode("HashToGroup-OPRFV1-\0-P256-SHA256");
const number = (bytes) => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** expand_message_xmd to 96 bytes (RFC 9380 §5.3.1). */
async function expand(message) {
  const tag = join(TAG, [TAG.length]);
  const first = await sha256(new Uint8Array(64), message, [0, 96, 0], tag);
  const blocks = [];
  for (let block = new Uint8Array(32), at = 1; at < 4; at += 1) {
    block = await sha256(first.map((byte, place) => byte ^ block[place]), [at], tag);
    blocks.push(block);
  }
  return join(...blocks);
}

/** Simplified SWU (RFC 9380 §6.6.2); its special case has odds of one in 2^255 and throws. */
function pointOf(bytes) {
  const { a, b } = Point.CURVE();
  const u = Fp.create(number(bytes));
  const other = Fp.mul(Fp.create(-10n), Fp.sqr(u));
  const root = (at) => {
    const square = Fp.add(Fp.mul(Fp.add(Fp.sqr(at), a), at), b);
    const found = Fp.pow(square, (Fp.ORDER + 1n) / 4n);
    return Fp.sqr(found) === square ? found : null;
  };
  let x = Fp.mul(Fp.div(Fp.neg(b), a), Fp.add(1n, Fp.inv(Fp.add(Fp.sqr(other), other))));
  let y = root(x);
  if (y === null) {
    x = Fp.mul(other, x);
    y = root(x);
  }
  return Point.fromAffine({ x, y: (y ^ u) & 1n ? Fp.neg(y) : y });
}

async function hashed(input) {
  const bytes = await expand(input);
  return pointOf(bytes.subarray(0, 48)).add(pointOf(bytes.subarray(48)));
}

/** A number from 1 to the order less one, of 64 bits more than it needs so that none is likelier. */
const random = () => (number(crypto.getRandomValues(new Uint8Array(40))) % (Fn.ORDER - 1n)) + 1n;

/** Hide `input`; the point may be shown to anybody, the number to nobody. */
export async function hide(input, blind = random()) {
  return { blind, blinded: (await hashed(input)).multiply(blind).toBytes() };
}

/** Take the hiding off what the server made of the point; throws for what is no point. */
export async function finish(input, blind, evaluated) {
  const point = Point.fromBytes(evaluated).multiply(Fn.inv(blind)).toBytes();
  const sized = (bytes) => join([bytes.length >> 8, bytes.length & 255], bytes);
  return sha256(sized(input), sized(point), text.encode("Finalize"));
}
