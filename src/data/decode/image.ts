import { isMainThread } from 'node:worker_threads';
import sharp from 'sharp';
import { toChannels } from './channels.js';
import { resizeImage } from './resize.js';
import { MOST_IMAGE_BYTES } from '../tree/tree.js';

/** More than any camera's pictures of a face need, few enough that a malicious file cannot fill the memory. */
const MOST_PIXELS = 50_000_000;
/** What libvips calls the readers of photographs. Others, such as those of SVG and PDF, read documents and may fetch files. */
const READERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'];

// libvips keeps this for the whole process, so a worker that did it again would, for a moment, take every reader from the
// others, whose images would then count as damaged.
if (isMainThread) {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: READERS.map(name => `VipsForeignLoad${name}`) });
}
// Images are decoded side by side, so threads within one image would only get into each other's way, and none comes twice.
sharp.concurrency(1);
sharp.cache(false);

/** Why an image is left out. Anything else that is thrown is a fault of the machine or of the program. */
export class UnusableImage extends Error {}

/** An image that may be sound, but is too large. */
export class TooManyPixels extends UnusableImage {}

/**
 * What a line of sharp's begins with where it speaks of the image: what sharp itself says of its bytes, and the names of
 * libvips' readers and of its conversions of colours. Some faults in PNG files come without a word ('Unknown error').
 */
const OF_IMAGE =
  /^(Input [Bb]uffer |Input image exceeds |Unknown error|source: |Vips(Jpeg|Icc): |vipspng: |vips_colourspace: |spng|jpeg|png|webp|gif|tiff|heif)/;
/** What a line says, whoever it is from, where the machine had too little of something. */
const OF_MACHINE = /memory|allocat|too many open files|unable to create thread|no space left|input\/output error/i;
/** libheif's words for a file that asks for more memory than a sound one needs. */
const ASKS_TOO_MUCH = /security limit/i;

/** What an image is, without decoding it. */
export interface ImageHeader {
  /** As it is shown: turned as EXIF says. */
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
}

/**
 * @param most pixels that are taken
 * @throws {UnusableImage} where the bytes are not an image that can be decoded; {TooManyPixels} where it has more than `most`
 */
export async function readImageHeader(bytes: Uint8Array, most = MOST_PIXELS): Promise<ImageHeader> {
  checkLength(bytes);
  // Its own limit would not say how large the image is.
  const metadata = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => {
      throw faultOf(error);
    });
  const { autoOrient, space, pages = 1 } = metadata;
  const { width } = autoOrient;
  // The frames of an animation are counted as one tall image by some formats.
  const height = metadata.pageHeight !== undefined && pages > 1 ? metadata.pageHeight : autoOrient.height;
  if (width * height > most) {
    throw new TooManyPixels(`${width} x ${height} pixels; at most ${most / 1e6} million are decoded`);
  }
  return { width, height, grey: space === 'b-w' || space === 'grey16' };
}

/**
 * An image file's pixels, (size,size,channels): turned as EXIF says, stretched to a square, the first frame of an animation,
 * transparent parts white, CMYK and 16 bits brought to 8-bit sRGB, and one channel as Pillow's `convert('L')` makes it.
 *
 * @param small decode the image in its own size, and resize it here: for images of about a hundred pixels that takes two
 * thirds of libvips' time, whose pipeline begins to pay at about two hundred
 * @throws {UnusableImage} with the reason
 */
export async function decodeImage(
  bytes: Uint8Array,
  size: number,
  channels: 1 | 3,
  small = false,
): Promise<Uint8Array> {
  const { data, info } = await decodePixels(bytes, small ? undefined : size);
  return inChannels(resizeImage(data, info, size), info.channels, size * size, channels);
}

/**
 * An image file's pixels in its own size, (height,width,channels), otherwise as `decodeImage` gives them.
 *
 * @throws {UnusableImage} with the reason
 */
export async function decodeWholeImage(
  bytes: Uint8Array,
  channels: 1 | 3,
): Promise<{ readonly data: Uint8Array; readonly height: number; readonly width: number; readonly channels: 1 | 3 }> {
  const { data, info } = await decodePixels(bytes);
  const { height, width } = info;
  return { data: inChannels(data, info.channels, height * width, channels), height, width, channels };
}

/** Bytes of one or three channels, libvips' own resize to (size,size) among them where a size is given. */
async function decodePixels(bytes: Uint8Array, size?: number) {
  checkLength(bytes);
  const decode = () => {
    const image = sharp(bytes, { limitInputPixels: MOST_PIXELS, failOn: 'error' }).autoOrient();
    return (size === undefined ? image : image.resize(size, size, { fit: 'fill', kernel: 'linear' }))
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  };
  return decode().catch(async () => {
    // Its header tells more of what is wrong than the decoder; reading it first would cost every image a tenth.
    await readImageHeader(bytes);
    // libvips gathers the messages of all threads in one place, so that this one may have been another image's.
    return decode().catch((error: unknown) => {
      throw faultOf(error);
    });
  });
}

function checkLength(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new UnusableImage('the file is empty');
  if (bytes.length > MOST_IMAGE_BYTES) throw new UnusableImage(`${bytes.length} bytes are too many for an image`);
}

/** @throws {UnusableImage} where the bytes are not those of so many pixels */
function inChannels(data: Uint8Array, from: number, pixels: number, to: 1 | 3): Uint8Array {
  if (data.length !== pixels * from) throw new UnusableImage(`${data.length} bytes do not fill ${pixels} pixels`);
  return toChannels(data, from, to);
}

/** What an error of sharp's means: that the image is damaged, only where the decoder says so. */
export function faultOf(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split('\n').map(line => line.trim());
  const ofMachine = lines.find(line => OF_MACHINE.test(line) && !ASKS_TOO_MUCH.test(line));
  if (ofMachine !== undefined || !lines.some(line => OF_IMAGE.test(line))) {
    const what = ofMachine ?? (lines.find(line => line !== '') || 'no reason given');
    return new Error(`decoding failed, for a reason that need not lie in the image: ${what}`, { cause: error });
  }
  if (text.includes('unsupported image format')) return new UnusableImage('not an image file');
  return new UnusableImage(`cannot be decoded (${lines.find(line => line !== '')!})`);
}
