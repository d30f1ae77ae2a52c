import { interpolateTurbo } from 'd3-scale-chromatic';
import type { Explanations } from './explain.js';

/** How much of the picture the hottest pixel's colour covers. */
const OPACITY = 0.6;

/** Turbo (Mikhailov, Google 2019), 256 colours of three bytes. */
const TURBO = Uint8Array.from(
  Array.from({ length: 256 }, (_, i) => [...interpolateTurbo(i / 255).matchAll(/\d+/g)].map(Number)).flat(),
);

/** Image number `n` as (H,W,3) bytes; a grey one is repeated. */
export function pictureOf({ pictures, channels, height, width }: Explanations, n: number): Uint8Array {
  const size = height * width;
  const out = new Uint8Array(size * 3);
  for (let i = 0; i < out.length; i++) {
    const pixel = Math.floor(i / 3);
    out[i] = pictures[(n * size + pixel) * channels + Math.min(i % 3, channels - 1)]!;
  }
  return out;
}

/** Image number `n` under its map, (H,W,3) bytes: the hotter, the more colour; where the map is 0 the image is as it was. */
export function overlayOf(explanations: Explanations, n: number): Uint8Array {
  const out = pictureOf(explanations, n);
  const size = explanations.height * explanations.width;
  for (let i = 0; i < size; i++) {
    const heat = explanations.maps[n * size + i]!;
    const opacity = OPACITY * heat;
    const colour = Math.round(heat * 255) * 3;
    for (let c = 0; c < 3; c++) {
      out[i * 3 + c] = Math.round((1 - opacity) * out[i * 3 + c]! + opacity * TURBO[colour + c]!);
    }
  }
  return out;
}
