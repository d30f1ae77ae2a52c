import type { Picture } from '../../src/faces/box.js';
import { MOST_PIXELS } from '../../src/serve/api.js';
import { withoutAlpha } from '../raster.js';

/** An image file that the browser cannot read, and why. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable';
}

/**
 * An image file's pixels in RGB: turned as EXIF says, the first frame of an animation, transparent parts white.
 * @throws {Undecodable}
 */
export async function decode(file: Blob): Promise<Picture> {
  if (file.size === 0) throw new Undecodable('the file is empty');
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Undecodable('this browser cannot read it as an image; JPEG, PNG, WebP, GIF and AVIF work');
  }
  const { width, height } = bitmap;
  try {
    if (width * height > MOST_PIXELS) {
      throw new Undecodable(`${width} x ${height} pixels; at most ${MOST_PIXELS / 1e6} million are looked at`);
    }
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
    context.fillStyle = 'white';
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { data: withoutAlpha(data), width, height, channels: 3 };
  } finally {
    bitmap.close();
  }
}
