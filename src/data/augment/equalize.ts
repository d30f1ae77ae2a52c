/**
 * Histogram equalisation of one image, each channel by itself: torchvision.transforms.functional.equalize, which is Pillow's
 * ImageOps.equalize. With h the channel's histogram and step = ⌊(pixels − h of the brightest grey) / 255⌋, grey g becomes
 * ⌊(Σ_{i<g} h[i] + ⌊step/2⌋) / step⌋, at most 255; a channel with a step of 0 stays as it is.
 *
 * @param image (H,W,C) bytes, channels innermost
 */
export function equalize(image: Uint8Array, channels: number): Uint8Array {
  const result = Uint8Array.from(image);
  for (let c = 0; c < channels; c++) {
    const histogram = new Uint32Array(256);
    for (let i = c; i < image.length; i += channels) histogram[image[i]!]!++;
    const brightest = histogram.findLast(count => count > 0) ?? 0;
    const step = Math.floor((image.length / channels - brightest) / 255);
    if (step === 0) continue;
    const table = new Uint8Array(256);
    let below = Math.floor(step / 2);
    histogram.forEach((count, grey) => {
      table[grey] = Math.min(255, Math.floor(below / step));
      below += count;
    });
    for (let i = c; i < image.length; i += channels) result[i] = table[image[i]!]!;
  }
  return result;
}
