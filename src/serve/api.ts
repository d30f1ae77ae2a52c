/** What the server says to programs and to the page, which imports this file as it is: types and constants, nothing of Node. */

import type { AugmentSpec } from '../data/augment/transforms.js';

/** Where things are asked for. */
export const API_PATHS = {
  health: '/health',
  models: '/api/models',
  classify: '/api/classify',
  openapi: '/api/openapi.json',
} as const;

/** Of the body of a request, in bytes: 10 MiB. */
export const MOST_BODY_BYTES = 10 * 1024 * 1024;
/** Of an image, in pixels: 40 megapixels, so that those of 50 are refused; each pixel takes several bytes while faces are looked for. */
export const MOST_PIXELS = 40_000_000;
/** What the fragment of the page's address begins with where requests to /api need a token. */
export const TOKEN_FRAGMENT = '#token=';

/** `GET /health` */
export interface Health {
  readonly status: 'ok';
  /** Of facegrad. */
  readonly version: string;
  /** Name of the server's adapter; null as long as nothing was classified on it. */
  readonly adapter: string | null;
  /** How many there are. */
  readonly models: number;
}

/** `GET /api/models`: in the order in which they were given; the first is the default. */
export interface ModelList {
  readonly models: readonly ModelInfo[];
}

/** A network that can be asked, and all that is needed to build it and to make images ready for it. */
export interface ModelInfo {
  /** In addresses: [a-z0-9-]+. The same command line gives the same ids. */
  readonly id: string;
  /** What people call it: the name of its run's folder, or of its file. */
  readonly name: string;
  /** In the registry of models, such as `simple-cnn`. */
  readonly model: string;
  /** How it was built, where that differs from the model's own. */
  readonly modelOptions: ModelOptions;
  /** The data that it was trained on, with how their labels came about; null where nobody knows. */
  readonly dataset: string | null;
  readonly classes: readonly string[];
  /** What an image becomes first: a square of `size` pixels, in one or three channels. */
  readonly image: {
    readonly size: number;
    readonly channels: 1 | 3;
    /** Whether the histogram of each channel is then equalised. */
    readonly equalize: boolean;
  };
  /** Subtracted from pixels in 0..1, and what is left divided by, per channel of the image. */
  readonly normalisation: {
    readonly mean: readonly number[];
    readonly std: readonly number[];
    /** Whether the network then normalises as ImageNet's images were. */
    readonly imagenet: boolean;
  };
  /** The augmentation of its training, whose resizes and crops test images undergo too; null where there was none. */
  readonly augment: AugmentSpec | null;
  readonly parameters: number;
  /** Of the file at `weights`. */
  readonly bytes: number;
  /** The share of images that it got right; null where nobody knows. */
  readonly accuracy: { readonly split: 'val' | 'test'; readonly value: number } | null;
  /**
   * The share of each class's images that it got right, of the split of `accuracy`; null for a class without images there.
   * Null altogether where nobody knows.
   */
  readonly recall: Readonly<Record<string, number | null>> | null;
  /** Path of its weights: safetensors in float32, under facegrad's names. */
  readonly weights: string;
}

/** The optional part of what says how a network is built. */
export interface ModelOptions {
  /** Side of the square images that the network gets; others are resized on the GPU. */
  readonly inputSize?: number;
  readonly dropout?: number;
  /** Squeeze-and-excitation in residual blocks. */
  readonly se?: boolean;
  readonly activation?: 'relu' | 'sigmoid';
}

/** `POST /api/classify`: a row for the image, or for each face in it, as `facegrad predict --json` prints them. */
export type Classification = readonly ClassifiedRow[];

/** What a network says of an image, or of a face in it. */
export interface ClassifiedRow {
  /** What the request called the image; `image` where it did not. */
  readonly file: string;
  /** Whether this is a face that was found; absent where none was looked for. */
  readonly face?: boolean;
  /** Where the face is, in pixels of the image turned as EXIF says; null for a whole image. */
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
  /** The probability of each class, in six digits. */
  readonly emotions: Readonly<Record<string, number>>;
  /** The class of the highest probability. */
  readonly top: string;
  /** Where it was asked for: what spoke for `top`, drawn over what the network saw, as a data: URL of a PNG file. */
  readonly gradCam?: string;
}

/** Every answer below /api whose status is 400 or more. */
export interface ErrorBody {
  readonly error: string;
}
