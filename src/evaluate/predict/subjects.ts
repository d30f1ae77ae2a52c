import { decodeImage, decodeWholeImage, UnusableImage } from '../../data/decode/image.js';
import type { DetectOptions, FaceDetector } from '../../faces/detector.js';
import type { InputImage } from './inputs.js';
import { equalized, faceSubject, type ImageForm, type Subject } from './subject.js';

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
 * of it where there is none. The whole image is made ready as a data set's small images are.
 */
export async function prepare(image: InputImage, form: ImageForm, faces?: FaceOptions): Promise<Prepared> {
  const { file } = image;
  try {
    const bytes = await image.read();
    const found = faces ? await facesOf(bytes, form, faces) : [];
    return { file, subjects: found.length > 0 ? found : [await wholeOf(bytes, form)] };
  } catch (error) {
    if (error instanceof UnusableImage) return { file, error: error.message };
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Resized here and not by libvips, however large the image is: the page in a browser has no other way, and answers as we do. */
async function wholeOf(bytes: Uint8Array, form: ImageForm): Promise<Subject> {
  return equalized({ box: null, pixels: await decodeImage(bytes, form.size, form.channels, true) }, form);
}

async function facesOf(
  bytes: Uint8Array,
  form: ImageForm,
  { detector, margin, ...options }: FaceOptions,
): Promise<Subject[]> {
  const picture = await decodeWholeImage(bytes, form.channels);
  return detector.detect(picture, options).map(box => faceSubject(picture, box, form, margin));
}

/** Gives what `work` makes of each item, in order, with `most` of them under way at a time. */
export async function* ahead<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
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
