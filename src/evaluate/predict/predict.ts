import type { Device } from '../../gpu/device.js';
import type { ExplainOptions } from '../explain/explain.js';
import { overlayOf } from '../explain/overlay.js';
import type { Trained } from '../trained.js';
import { Classifier, type ClassifierOptions } from './classifier.js';
import { formFor } from './form.js';
import type { InputImage } from './inputs.js';
import type { Prediction, Unread } from './prediction.js';
import type { ImageForm, Subject } from './subject.js';
import { ahead, prepare, type FaceOptions, type Prepared } from './subjects.js';

/** Images that are read and decoded while others are classified: libuv has four threads, and each holds a whole photograph. */
const AHEAD = 4;
/** Likewise where faces are looked for, so that photographs lie in memory for longer. */
const FACES_AHEAD = 2;

/** How images become predictions; what the weights know of themselves comes after it. */
export interface PredictOptions extends ClassifierOptions {
  /** Instead of those of the images that the network was trained on. */
  readonly imageSize?: number | undefined;
  readonly channels?: 1 | 3 | undefined;
  /** Look for faces, and classify each; an image without a face is classified as a whole. */
  readonly faces?: FaceOptions | undefined;
  /** Draw overlays. */
  readonly explain?: Pick<ExplainOptions, 'method' | 'layer'> | undefined;
  /** Told how many images are done. */
  readonly onProgress?: (done: number) => void;
  /** Ends after the images that are under way. */
  readonly signal?: AbortSignal | undefined;
}

/** A network that classifies images one batch after the other. Made by `Predictor.place`; the caller disposes of it. */
export class Predictor {
  private constructor(
    private readonly classifier: Classifier,
    readonly form: ImageForm,
    private readonly options: PredictOptions,
  ) {}

  /**
   * Puts a network on the GPU.
   * @throws {UserError} where the weights do not say all that is needed, and the options do not either
   */
  static place(device: Device, trained: Trained, options: PredictOptions): Predictor {
    const form = formFor(trained, options);
    return new Predictor(Classifier.place(device, trained, form, options), form, options);
  }

  /**
   * Classifies images as they come; results have their order, and a network's answer does not depend on what else is asked.
   * Only a batch of images is held at a time.
   */
  async *predict(images: AsyncIterable<InputImage> | Iterable<InputImage>): AsyncGenerator<Prediction | Unread> {
    const { faces, batchSize, onProgress, signal } = this.options;
    const most = faces ? FACES_AHEAD : AHEAD;
    let waiting: Prepared[] = [];
    let subjects = 0;
    let done = 0;
    for await (const prepared of ahead(images, most, image => prepare(image, this.form, faces))) {
      if (signal?.aborted) return;
      waiting.push(prepared);
      subjects += 'error' in prepared ? 0 : prepared.subjects.length;
      // Images that cannot be read hold no pixels, but should not gather either.
      if (subjects < batchSize && waiting.length < 2 * batchSize) continue;
      yield* await this.#classify(waiting);
      onProgress?.((done += waiting.length));
      [waiting, subjects] = [[], 0];
    }
    yield* await this.#classify(waiting);
    onProgress?.(done + waiting.length);
  }

  /** The same network, asked in another way. Of all that are made of one, one is disposed of. */
  asked(how: Pick<PredictOptions, 'faces' | 'explain'>): Predictor {
    return new Predictor(this.classifier, this.form, { ...this.options, ...how });
  }

  /** Names, in the order in which predictions have them. */
  get classes(): readonly string[] {
    return this.classifier.classes;
  }

  /** Gives the network's memory on the GPU back. */
  dispose(): void {
    this.classifier.dispose();
  }

  async #classify(images: readonly Prepared[]): Promise<(Prediction | Unread)[]> {
    const subjects = images.flatMap(image => ('error' in image ? [] : image.subjects));
    const answers = subjects.length > 0 ? await this.#answers(subjects) : [];
    let next = 0;
    return images.flatMap((image): (Prediction | Unread)[] => {
      if ('error' in image) return [image];
      return image.subjects.map(({ box }) => ({
        file: image.file,
        ...(this.options.faces ? { face: box !== null } : {}),
        box,
        ...answers[next++]!,
      }));
    });
  }

  async #answers(subjects: readonly Subject[]): Promise<Pick<Prediction, 'emotions' | 'top' | 'overlay'>[]> {
    const { classifier } = this;
    const answers = await classifier.answers(subjects);
    const { explain } = this.options;
    const tops = answers.map(({ top }) => top);
    const heat = explain && (await classifier.explain(subjects, explain, tops));
    return answers.map(({ probabilities, top }, n) => ({
      emotions: Object.fromEntries(classifier.classes.map((name, k) => [name, probabilities[k]!])),
      top: classifier.classes[top]!,
      ...(heat && { overlay: { height: heat.height, width: heat.width, pixels: overlayOf(heat, n) } }),
    }));
  }
}
