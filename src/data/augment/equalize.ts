/**
 * Histogram equalisation of one image, each channel by itself: torchvision.transforms.functional.equalize, which is Pillow's
 * ImageOps.equalize. With h the channel's histogram and step = ⌊(pixels − h of the brightest grey) / 255⌋, grey g becomes
 * ⌊(Σ_{i<g} h[i] + ⌊step/2⌋) / step⌋, at most 255; a channel with a step of 0 stays as it is.
 *
 * @param image (H,W,C) bytes, channels innermost
 */
export function equalize(image: Uint8Array, channels: number): Uint8Array {
  const result = image.slice();
  equalizeImages(result, image.length, channels);
  return result;
}

/**
 * `equalize` of each of several images, in their place.
 *
 * @param images (count,H,W,C) bytes
 * @param imageBytes H * W * C
 */
export function equalizeImages(images: Uint8Array, imageBytes: number, channels: number): void {
  const histogram = new Uint32Array(256);
  const table = new Uint8Array(256);
  const pixels = imageBytes / channels;
  for (let start = 0; start < images.length; start += imageBytes) {
    const end = start + imageBytes;
    for (let c = start; c < start + channels; c++) {
      histogram.fill(0);
      for (let i = c; i < end; i += channels) histogram[images[i]!]!++;
      if (!tableOf(histogram, pixels, table)) continue;
      for (let i = c; i < end; i += channels) images[i] = table[images[i]!]!;
    }
  }
}

/** Writes what each grey of a channel becomes into `table`; false where all of them stay. */
function tableOf(histogram: Uint32Array, pixels: number, table: Uint8Array): boolean {
  const brightest = histogram.findLast(count => count > 0) ?? 0;
  const step = Math.floor((pixels - brightest) / 255);
  if (step === 0) return false;
  let below = Math.floor(step / 2);
  histogram.forEach((count, grey) => {
    table[grey] = Math.min(255, Math.floor(below / step));
    below += count;
  });
  return true;
}
