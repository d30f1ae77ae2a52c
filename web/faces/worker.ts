import { expose, transfer } from 'comlink';
import { toChannels } from '../../src/data/decode/channels.js';
import { faceSubject, wholeSubject, type ImageForm, type Subject } from '../../src/evaluate/predict/subject.js';
import type { Box, Picture } from '../../src/faces/box.js';
import type { DetectOptions, FaceDetector } from '../../src/faces/detector.js';
import cascadeUrl from '../../cascades/haarcascade_frontalface_default.xml?url';
import { decode } from './decode.js';

/** What of an image file is to be classified. */
export interface Looked {
  /** Of the image, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Each face, the largest first; the whole image where there is none, or none was looked for. */
  readonly subjects: readonly Subject[];
}

let detector: Promise<FaceDetector> | undefined;

/** OpenCV is 11 MB and takes a second or more to start: once, when it is first needed. */
function started(): Promise<FaceDetector> {
  detector ??= (async () => {
    const [{ FaceDetector }, cascade] = await Promise.all([
      import('../../src/faces/detector.js'),
      fetch(cascadeUrl).then(response => response.arrayBuffer()),
    ]);
    return FaceDetector.load(new Uint8Array(cascade));
  })();
  detector.catch(() => {
    detector = undefined;
  });
  return detector;
}

function lookedAt(picture: Picture, subjects: readonly Subject[]): Looked {
  const { width, height } = picture;
  return transfer(
    { width, height, subjects },
    subjects.map(({ pixels }) => pixels.buffer),
  );
}

/** A picture of three channels in those of a form. */
function inForm(picture: Picture, { channels }: ImageForm): Picture {
  return { ...picture, data: toChannels(picture.data, 3, channels), channels };
}

const api = {
  async start(): Promise<void> {
    await started();
  },

  /**
   * Decodes an image file and, where that is wanted, finds the faces in it, as `facegrad predict` does.
   * @throws {Error} whose name is Undecodable, with the reason
   */
  async look(file: Blob, form: ImageForm, findFaces: boolean): Promise<Looked> {
    const picture = await decode(file);
    if (findFaces) {
      const own = inForm(picture, form);
      const boxes = (await started()).detect(own);
      if (boxes.length > 0) {
        return lookedAt(
          picture,
          boxes.map(box => faceSubject(own, box, form)),
        );
      }
    }
    return lookedAt(picture, [wholeSubject(picture, form)]);
  },

  /**
   * That this browser can read a file.
   * @throws {Error} whose name is Undecodable, with the reason
   */
  async check(file: Blob): Promise<void> {
    await decode(file);
  },

  /** What `look` gives, of faces that somebody else has found; null stands for the whole image. */
  async cut(file: Blob, form: ImageForm, boxes: readonly (Box | null)[]): Promise<Looked> {
    const picture = await decode(file);
    const own = inForm(picture, form);
    return lookedAt(
      picture,
      boxes.map(box => (box ? faceSubject(own, box, form) : wholeSubject(picture, form))),
    );
  },

  /** The faces of a frame, RGBA bytes (height,width,4), the largest first. */
  async detect(data: Uint8Array, width: number, height: number, options: DetectOptions): Promise<Box[]> {
    return (await started()).detect({ data, width, height, channels: 4 }, options);
  },
};

export type FacesApi = typeof api;

expose(api);
