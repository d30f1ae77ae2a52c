import { equalizeImages } from '../../data/augment/equalize.js';
import { SMALL_PIXELS } from '../../data/decode/form.js';
import { decodeImage, decodeWholeImage, readImageHeader, UnusableImage } from '../../data/decode/image.js';
import { resizeImage } from '../../data/decode/resize.js';
import { cropOf, squareAround, type Box } from '../../faces/box.js';
import type { DetectOptions, FaceDetector } from '../../faces/detector.js';
import type { ImageForm } from './form.js';
import type { InputImage } from './inputs.js';

/** What is classified: a whole image, or a face in it. */
export interface Subject {
  /** Where the detector found the face, in pixels of the image turned as EXIF says; null for a whole image. */
  readonly box: Box | null;
  /** (size,size,channels) bytes. */
  readonly pixels: Uint8Array;
}

/** How faces are found and cut out. */
export interface FaceOptions extends DetectOptions {
  readonly detector: FaceDetector;
  /** See `squareAround`. */
  readonly margin?: number | undefined;
}

/** An image that was looked through, or why it could not be. */
export type Prepared =
  { readonly file: string; readonly subjects: readonly Subject[] } | { readonly file: string; readonly error: string };

/**
 * What is to be classified of an image: all of it, or, where faces are looked for, each face from the largest on, and all
 * of it where there is none. The whole image is made ready as a data set's images are.
 */
export async function prepare(image: InputImage, form: ImageForm, faces?: FaceOptions): Promise<Prepared> {
  const { file } = image;
  try {
    const bytes = await image.read();
    const found = faces ? await facesOf(bytes, form, faces) : [];
    const subjects = found.length > 0 ? found : [{ box: null, pixels: await wholeOf(bytes, form) }];
    if (form.equalize) {
      for (const { pixels } of subjects) equalizeImages(pixels, pixels.length, form.channels);
    }
    return { file, subjects };
  } catch (error) {
    if (error instanceof UnusableImage) return { file, error: error.message };
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function wholeOf(bytes: Uint8Array, { size, channels }: ImageForm): Promise<Uint8Array> {
  const { width, height } = await readImageHeader(bytes);
  return decodeImage(bytes, size, channels, width * height <= SMALL_PIXELS);
}

async function facesOf(
  bytes: Uint8Array,
  { size, channels }: ImageForm,
  { detector, margin, ...options }: FaceOptions,
): Promise<Subject[]> {
  const picture = await decodeWholeImage(bytes, channels);
  return detector.detect(picture, options).map(box => {
    const crop = cropOf(picture, squareAround(box, picture, margin));
    return { box, pixels: resizeImage(crop.data, crop, size) };
  });
}

/** Gives what `work` makes of each item, in order, with `most` of them under way at a time. */
export async function* ahead<T, R>(
  items: AsyncIterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Its turn to be awaited may come late; a fault is thrown then.
      result.catch(() => undefined);
      begun.push(result);
      if (begun.length >= most) yield await begun.shift()!;
    }
    while (begun.length > 0) yield await begun.shift()!;
  } finally {
    await Promise.allSettled(begun);
  }
}
