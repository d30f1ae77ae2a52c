import { UserError } from '../util/errors.js';

/** A rectangle of whole pixels of an image, from its top left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** An image's bytes, (height,width,channels): grey, RGB or RGBA. */
export interface Picture {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Added on each side of a detected box, in its sides, where nobody says otherwise: nothing. FER-2013's images were cut out
 * by such a detector: of the faces that it finds in them, the boxes have 0.97 of the image's side in the median.
 */
export const MARGIN = 0;

/**
 * The part of an image that a network sees of a face: a square about the box's centre, whose side is the box's longer one
 * and `margin` of it more on each side. One that would stick out is moved into the image; one that is larger than the image
 * has the image's shorter side.
 *
 * @throws {UserError} for a margin that is not a number of 0 to 2
 */
export function squareAround(
  box: Box,
  image: { readonly height: number; readonly width: number },
  margin = MARGIN,
): Box {
  if (!(margin >= 0 && margin <= 2)) throw new UserError(`margin is ${margin}: it must be from 0 to 2`);
  const side = Math.min(Math.round(Math.max(box.width, box.height) * (1 + 2 * margin)), image.width, image.height);
  const place = (start: number, length: number, most: number) =>
    Math.min(Math.max(0, Math.round(start + (length - side) / 2)), most - side);
  return {
    x: place(box.x, box.width, image.width),
    y: place(box.y, box.height, image.height),
    width: side,
    height: side,
  };
}

/** A part of an image, copied. */
export function cropOf({ data, width, channels }: Picture, box: Box): Picture {
  const row = box.width * channels;
  const out = new Uint8Array(box.height * row);
  for (let y = 0; y < box.height; y++) {
    const from = ((box.y + y) * width + box.x) * channels;
    out.set(data.subarray(from, from + row), y * row);
  }
  return { data: out, height: box.height, width: box.width, channels };
}
