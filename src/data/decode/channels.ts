/** (pixels,from) bytes to (pixels,to): from is 1 where the image is grey, and 3 otherwise. */
export function toChannels(data: Uint8Array, from: number, to: 1 | 3): Uint8Array {
  if (from === to) return data;
  const pixels = data.length / from;
  const out = new Uint8Array(pixels * to);
  for (let i = 0; i < pixels; i++) {
    if (to === 3) out.fill(data[i * from]!, i * 3, i * 3 + 3);
    else out[i] = luma(data[i * from]!, data[i * from + 1]!, data[i * from + 2]!);
  }
  return out;
}

/** ITU-R BT.601 in 16-bit fixed point, rounded as Pillow's `convert('L')` does. Equal channels come out as they are. */
function luma(r: number, g: number, b: number): number {
  return (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16;
}
