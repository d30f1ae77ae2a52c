import { equalize } from '../../data/augment/equalize.js';
import { toChannels } from '../../data/decode/channels.js';
import { resizeImage } from '../../data/decode/resize.js';
import { cropOf, squareAround, type Box, type Picture } from '../../faces/box.js';

/** What an image becomes before a network gets it. */
export interface ImageForm {
  /** Side of the square, in pixels. */
  readonly size: number;
  readonly channels: 1 | 3;
  readonly equalize: boolean;
}

/** What is classified: a whole image, or a face in it. */
export interface Subject {
  /** Where the detector found the face, in pixels of the image turned as EXIF says; null for a whole image. */
  readonly box: Box | null;
  /** (size,size,channels) bytes. */
  readonly pixels: Uint8Array;
}

/**
 * A face of a picture as a network gets it.
 *
 * @param picture in the form's channels
 * @param margin see `squareAround`
 */
export function faceSubject(picture: Picture, box: Box, form: ImageForm, margin?: number): Subject {
  const crop = cropOf(picture, squareAround(box, picture, margin));
  return equalized({ box, pixels: resizeImage(crop.data, crop, form.size) }, form);
}

/**
 * A whole picture as a network gets it.
 * @param picture grey or RGB
 */
export function wholeSubject(picture: Picture, form: ImageForm): Subject {
  const pixels = toChannels(resizeImage(picture.data, picture, form.size), picture.channels, form.channels);
  return equalized({ box: null, pixels }, form);
}

/** The subject, its histogram equalised where the form asks for that. */
export function equalized(subject: Subject, form: ImageForm): Subject {
  return form.equalize ? { ...subject, pixels: equalize(subject.pixels, form.channels) } : subject;
}
