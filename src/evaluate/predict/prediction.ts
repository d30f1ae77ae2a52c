import type { Box } from '../../faces/box.js';

/** What a network says of an image, or of a face in it. */
export interface Prediction {
  readonly file: string;
  /** Whether this is a face that was found; absent where none was looked for. */
  readonly face?: boolean;
  /** Where the face is, in pixels; null for a whole image. */
  readonly box: Box | null;
  /** The probability of each class, in the order of classes; of sum 1. */
  readonly emotions: Readonly<Record<string, number>>;
  /** The class of the highest probability. */
  readonly top: string;
  /** Where it was asked for: what spoke for `top`, drawn over what the network saw, (height,width,3) bytes. */
  readonly overlay?: { readonly height: number; readonly width: number; readonly pixels: Uint8Array };
}

/** An image that could not be read. */
export interface Unread {
  readonly file: string;
  readonly error: string;
}
