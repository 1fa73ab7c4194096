/** Largest picture accepted, in bytes, inclusive (manual §4.2). */
export const LARGEST = 10 * 1024 * 1024;

const QUALITY = 0.95; // of 1: text stays sharp, and 12 megapixels stay below the limit
const STEP = 0.15; // less quality each time, should it still be too large

/** Return a part of a drawn or photographed picture as a JPEG file, as a camera would give it. */
export async function jpeg(source, name, part = { x: 0, y: 0, width: source.width, height: source.height }) {
  const canvas = document.createElement("canvas");
  canvas.width = part.width;
  canvas.height = part.height;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#FFF"; // what is transparent in a pasted picture is paper
  pen.fillRect(0, 0, part.width, part.height);
  pen.drawImage(source, part.x, part.y, part.width, part.height, 0, 0, part.width, part.height);
  let blob;
  for (let quality = QUALITY; quality > 0; quality -= STEP) {
    blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", quality); });
    if (blob.size <= LARGEST) break;
  }
  return new File([blob], name, { type: "image/jpeg" });
}
