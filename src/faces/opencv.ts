import { loadOpenCV } from '@opencvjs/web';

/** What of OpenCV is used here, under its own names. The package's types leave most of this out, or to `any`. */
export interface OpenCv {
  readonly Mat: new (rows: number, columns: number, type: number) => Mat;
  readonly Size: new (width: number, height: number) => object;
  readonly RectVector: new () => RectVector;
  readonly CascadeClassifier: new () => CascadeClassifier;
  readonly CV_8UC1: number;
  readonly CV_8UC3: number;
  readonly CV_8UC4: number;
  readonly COLOR_RGB2GRAY: number;
  readonly COLOR_RGBA2GRAY: number;
  readonly INTER_AREA: number;
  cvtColor(from: Mat, to: Mat, code: number): void;
  resize(from: Mat, to: Mat, size: object, fx: number, fy: number, interpolation: number): void;
  FS_createDataFile(folder: string, name: string, data: Uint8Array, read: boolean, write: boolean, own: boolean): void;
  /** What a number that was thrown means. */
  exceptionFromPtr(pointer: number): { readonly msg: string };
}

interface Freed {
  /** Memory of WebAssembly is freed by hand. */
  delete(): void;
}

export interface Mat extends Freed {
  readonly data: Uint8Array;
}

interface RectVector extends Freed {
  size(): number;
  get(index: number): { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

export interface CascadeClassifier extends Freed {
  load(file: string): boolean;
  detectMultiScale(
    image: Mat,
    objects: RectVector,
    scaleFactor: number,
    minNeighbors: number,
    flags: number,
    minSize: object,
    maxSize: object,
  ): void;
}

/** OpenCV, whose start takes a second or more: 11 MB are compiled, once in a process. */
export function openCv(): Promise<OpenCv> {
  return loadOpenCV() as unknown as Promise<OpenCv>;
}
