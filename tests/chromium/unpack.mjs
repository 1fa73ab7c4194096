// Unpack the browser's compressed files into a folder: node unpack.mjs FOLDER
// Only Node's own brotli is used; Python unpacks the archives afterwards.
import { createReadStream, createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const packed = new URL("./node_modules/@sparticuz/chromium/bin/", import.meta.url);
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
for (const [from, to] of [
  ["chromium.br", "headless-shell"],
  ["al2023.tar.br", "libraries.tar"],
  ["swiftshader.tar.br", "graphics.tar"],
]) {
  const file = createWriteStream(join(folder, to), { mode: 0o755 });
  await pipeline(createReadStream(new URL(from, packed)), createBrotliDecompress(), file);
}
