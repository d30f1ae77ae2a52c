import type { DataSet, SplitName } from './dataset.js';
import { SPLIT_NAMES } from './dataset.js';

/** Height, width and channels that all images of a store have. */
export interface ImageForm {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** An image that is left out because it could not be decoded. */
export interface BadImage {
  readonly slot: number;
  readonly reason: string;
}

/** What a store knows of its images besides the pixels. */
export interface StoreIndex extends ImageForm {
  /** What each slot's image is called in its source. */
  readonly names: readonly string[];
  readonly bad: readonly BadImage[];
  /** Class id and split of each slot, where the file that holds the pixels says so. */
  readonly labels?: readonly number[];
  readonly splits?: readonly SplitName[];
}

/**
 * The decoded images of one source, each in a slot, whatever they are labelled as and whichever of them are used: the same
 * store serves every label rule and subset.
 */
export interface ImageStore extends StoreIndex {
  /** Copies the images of `slots`, (slots.length,H,W,C), to the front of `out`. */
  read(slots: Uint32Array, out: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Where images are put as they are decoded; slots may come in any order. */
export interface ImageSink {
  /** `images` (count,H,W,C) go to the slots from `slot` on; `checksums` are their CRC-32. */
  write(slot: number, images: Uint8Array, checksums: readonly number[]): Promise<void>;
}

export function formOf({ channels, height, width }: ImageForm): ImageForm {
  return { channels, height, width };
}

export function imageBytesOf({ channels, height, width }: ImageForm): number {
  return channels * height * width;
}

/** A store in memory: for images that are there already, and where no cache can be written. */
export class MemoryStore implements ImageStore, ImageSink {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly #images: Uint8Array;

  /** @param images (slots,H,W,C); zeros to be written into where it is not given */
  constructor(
    form: ImageForm,
    readonly names: readonly string[],
    images: Uint8Array = new Uint8Array(names.length * imageBytesOf(form)),
    readonly bad: readonly BadImage[] = [],
    readonly labels: readonly number[] = [],
    readonly splits: readonly SplitName[] = [],
  ) {
    this.channels = form.channels;
    this.height = form.height;
    this.width = form.width;
    this.#images = images;
  }

  write(slot: number, images: Uint8Array): Promise<void> {
    this.#images.set(images, slot * imageBytesOf(this));
    return Promise.resolve();
  }

  read(slots: Uint32Array, out: Uint8Array): Promise<void> {
    const bytes = imageBytesOf(this);
    slots.forEach((slot, i) => {
      out.set(this.#images.subarray(slot * bytes, (slot + 1) * bytes), i * bytes);
    });
    return Promise.resolve();
  }

  /** All images, (slots,H,W,C), not copied. */
  get images(): Uint8Array {
    return this.#images;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The images of a data set, split after split. */
export function storeOf(data: ImageForm & Pick<DataSet, 'splits'>): MemoryStore {
  const { splits } = data;
  const total = SPLIT_NAMES.reduce((sum, name) => sum + splits[name].count, 0);
  const images = new Uint8Array(total * imageBytesOf(data));
  let at = 0;
  for (const name of SPLIT_NAMES) {
    images.set(splits[name].images, at);
    at += splits[name].images.length;
  }
  const names = SPLIT_NAMES.flatMap(name =>
    Array.from({ length: splits[name].count }, (_, i) => splits[name].names?.[i] ?? `${name} ${i}`),
  );
  const labels = SPLIT_NAMES.flatMap(name => [...splits[name].labels]);
  const places = SPLIT_NAMES.flatMap(name => new Array<SplitName>(splits[name].count).fill(name));
  return new MemoryStore(data, names, images, [], labels, places);
}
