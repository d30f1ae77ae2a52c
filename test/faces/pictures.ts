import { resizeImage } from '../../src/data/decode/resize.js';
import { drawFace } from '../../src/data/synthetic/dataset.js';
import type { Picture } from '../../src/faces/box.js';

const SIDE = 48;

/** A picture in which drawn faces stand on plain grey, each of so many pixels and with its left upper corner there. */
export function pictureWith(
  width: number,
  height: number,
  faces: readonly { readonly number: number; readonly side: number; readonly x: number; readonly y: number }[],
): Picture {
  const data = new Uint8Array(width * height).fill(128);
  for (const { number, side, x, y } of faces) {
    const face = new Uint8Array(SIDE * SIDE);
    drawFace(1, number, number % 7, face);
    const large = resizeImage(face, { height: SIDE, width: SIDE, channels: 1 }, side);
    for (let row = 0; row < side; row++) data.set(large.subarray(row * side, (row + 1) * side), (y + row) * width + x);
  }
  return { data, height, width, channels: 1 };
}

/** The picture in three or four channels, all of them grey, and opaque. */
export function inChannels({ data, height, width }: Picture, channels: 3 | 4): Picture {
  const out = new Uint8Array(data.length * channels).fill(255);
  data.forEach((value, i) => out.fill(value, i * channels, i * channels + 3));
  return { data: out, height, width, channels };
}
