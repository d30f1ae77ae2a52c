import { readFile } from 'node:fs/promises';
import { FaceDetector } from './detector.js';

const CASCADE = new URL('../../cascades/haarcascade_frontalface_default.xml', import.meta.url);

/** A detector with the cascade of frontal faces that comes with facegrad. The caller disposes of it. */
export async function loadFaceDetector(): Promise<FaceDetector> {
  return FaceDetector.load(await readFile(CASCADE));
}
