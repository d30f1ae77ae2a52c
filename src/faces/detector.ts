import { UserError } from '../util/errors.js';
import type { Box, Picture } from './box.js';
import { openCv, type CascadeClassifier, type Mat, type OpenCv } from './opencv.js';

/** How faces are looked for; the names are those of OpenCV's `detectMultiScale`. */
export interface DetectOptions {
  /** How much larger the window gets from one pass to the next. Above 1; 1.1 by default. */
  readonly scaleFactor?: number | undefined;
  /** So many windows must agree on a face. 5 by default; fewer find more, of what is no face too. */
  readonly minNeighbors?: number | undefined;
  /** Side of the smallest face, in pixels of the image. 30 by default. */
  readonly minSize?: number | undefined;
}

export const DETECT_DEFAULTS = { scaleFactor: 1.1, minNeighbors: 5, minSize: 30 };

/** An image whose longer side has more pixels is shrunk before it is searched: the time grows with the pixels. */
export const MOST_SIDE = 1024;

/**
 * OpenCV's cascade of boosted Haar features (Viola and Jones 2001; Lienhart and Maydt 2002), in Node and in browsers. It finds
 * upright faces that look at the camera.
 */
export class FaceDetector {
  private constructor(
    private readonly cv: OpenCv,
    private readonly cascade: CascadeClassifier,
  ) {}

  static #files = 0;

  /**
   * Starts OpenCV, where no detector has yet, and reads the cascade.
   *
   * @param cascade the content of a cascade's XML file
   * @throws {UserError} where it is none
   */
  static async load(cascade: Uint8Array): Promise<FaceDetector> {
    const cv = await openCv();
    // OpenCV reads cascades from files only; this one lies in WebAssembly's memory.
    const name = `cascade${this.#files++}.xml`;
    cv.FS_createDataFile('/', name, cascade, true, false, false);
    const classifier = new cv.CascadeClassifier();
    let loaded = false;
    try {
      loaded = attempt(cv, () => classifier.load(`/${name}`));
    } catch {
      // OpenCV's words are of its own source files.
    }
    if (!loaded) {
      classifier.delete();
      throw new UserError('the face cascade cannot be read: it is not a cascade of OpenCV');
    }
    return new FaceDetector(cv, classifier);
  }

  /**
   * The faces of an image, the largest first, and of those of one size in reading order.
   * @throws {UserError} for options out of range
   */
  detect(image: Picture, options: DetectOptions = {}): Box[] {
    const { scaleFactor, minNeighbors, minSize } = checked(options);
    const { cv } = this;
    const scale = Math.min(1, MOST_SIDE / Math.max(image.height, image.width));
    const grey = this.#shrunk(image, scale);
    const found = new cv.RectVector();
    try {
      const least = Math.max(1, Math.round(minSize * scale));
      attempt(cv, () => {
        const [from, to] = [new cv.Size(least, least), new cv.Size(0, 0)];
        this.cascade.detectMultiScale(grey, found, scaleFactor, minNeighbors, 0, from, to);
      });
      const boxes = Array.from({ length: found.size() }, (_, i) => grown(found.get(i), scale, image));
      return boxes.sort((a, b) => b.width * b.height - a.width * a.height || a.y - b.y || a.x - b.x);
    } finally {
      found.delete();
      grey.delete();
    }
  }

  /** Frees the memory that the detector holds. */
  dispose(): void {
    this.cascade.delete();
  }

  /** A grey copy; the caller deletes it. */
  #shrunk({ data, height, width, channels }: Picture, scale: number): Mat {
    const { cv } = this;
    const kinds: Readonly<Record<number, { type: number; code?: number }>> = {
      1: { type: cv.CV_8UC1 },
      3: { type: cv.CV_8UC3, code: cv.COLOR_RGB2GRAY },
      4: { type: cv.CV_8UC4, code: cv.COLOR_RGBA2GRAY },
    };
    const kind = kinds[channels];
    if (!kind || data.length !== height * width * channels) {
      throw new RangeError(`${data.length} bytes are no image of ${width} x ${height} pixels and ${channels} channels`);
    }
    let mat = new cv.Mat(height, width, kind.type);
    const become = (change: (from: Mat, to: Mat) => void) => {
      const from = mat;
      mat = new cv.Mat(0, 0, cv.CV_8UC1);
      try {
        attempt(cv, () => {
          change(from, mat);
        });
      } catch (error) {
        mat.delete();
        throw error;
      } finally {
        from.delete();
      }
    };
    mat.data.set(data);
    const { code } = kind;
    if (code !== undefined) {
      become((from, to) => {
        cv.cvtColor(from, to, code);
      });
    }
    if (scale < 1) {
      become((from, to) => {
        const size = new cv.Size(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
        cv.resize(from, to, size, 0, 0, cv.INTER_AREA);
      });
    }
    return mat;
  }
}

function checked(options: DetectOptions): typeof DETECT_DEFAULTS {
  const {
    scaleFactor = DETECT_DEFAULTS.scaleFactor,
    minNeighbors = DETECT_DEFAULTS.minNeighbors,
    minSize = DETECT_DEFAULTS.minSize,
  } = options;
  if (!(scaleFactor > 1 && scaleFactor <= 4))
    throw new UserError(`scaleFactor is ${scaleFactor}: it must be above 1, up to 4`);
  if (!Number.isInteger(minNeighbors) || minNeighbors < 0) {
    throw new UserError(`minNeighbors is ${minNeighbors}: it must be a whole number of 0 or more`);
  }
  if (!Number.isInteger(minSize) || minSize < 1) {
    throw new UserError(`minSize is ${minSize}: it must be a whole number of 1 or more`);
  }
  return { scaleFactor, minNeighbors, minSize };
}

/** A box of the shrunk image in pixels of the image itself. */
function grown(box: Box, scale: number, image: Picture): Box {
  const x = Math.min(Math.round(box.x / scale), image.width - 1);
  const y = Math.min(Math.round(box.y / scale), image.height - 1);
  return {
    x,
    y,
    width: Math.min(Math.round(box.width / scale), image.width - x),
    height: Math.min(Math.round(box.height / scale), image.height - y),
  };
}

/** OpenCV throws the address of its exception. */
function attempt<T>(cv: OpenCv, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (typeof error !== 'number') throw error;
    throw new Error(`OpenCV: ${cv.exceptionFromPtr(error).msg}`, { cause: error });
  }
}
