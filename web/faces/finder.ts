import { transfer, wrap, type Remote } from 'comlink';
import type { ImageForm } from '../../src/evaluate/predict/subject.js';
import type { Box } from '../../src/faces/box.js';
import type { DetectOptions } from '../../src/faces/detector.js';
import type { FacesApi, Looked } from './worker.js';

/** Decoding and face detection, in a worker of their own, which starts when it is first needed. */
export class FaceFinder {
  #worker: Remote<FacesApi> | undefined;

  get #api(): Remote<FacesApi> {
    return (this.#worker ??= wrap<FacesApi>(
      new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'facegrad faces' }),
    ));
  }

  /** Starts OpenCV, which takes a second or more. */
  start(): Promise<void> {
    return this.#api.start();
  }

  look(file: Blob, form: ImageForm, findFaces: boolean): Promise<Looked> {
    return this.#api.look(file, form, findFaces);
  }

  check(file: Blob): Promise<void> {
    return this.#api.check(file);
  }

  cut(file: Blob, form: ImageForm, boxes: readonly (Box | null)[]): Promise<Looked> {
    return this.#api.cut(file, form, boxes);
  }

  /** @param frame which is gone then */
  detect({ data, width, height }: ImageData, options: DetectOptions): Promise<Box[]> {
    const bytes = new Uint8Array(data.buffer);
    return this.#api.detect(transfer(bytes, [bytes.buffer]), width, height, options);
  }
}
