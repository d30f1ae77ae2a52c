import type { AugmentSpec } from '../../data/augment/transforms.js';
import type { DataSet, Split } from '../../data/dataset.js';
import type { Box } from '../../faces/box.js';
import type { Device } from '../../gpu/device.js';
import { UserError } from '../../util/errors.js';
import { explain, type ExplainOptions } from '../explain/explain.js';
import { overlayOf } from '../explain/overlay.js';
import { softmax } from '../metrics/probabilities.js';
import { placeNetwork, type PlacedNetwork, type Trained, type TrainedOverrides } from '../trained.js';
import { evaluateWithTta, type Tta } from '../tta.js';
import { formFor, type ImageForm } from './form.js';
import type { InputImage } from './inputs.js';
import { ahead, prepare, type FaceOptions, type Prepared, type Subject } from './subjects.js';

/** Images that are read and decoded while others are classified. */
const AHEAD = 8;
/** Likewise where faces are looked for: whole photographs lie in memory then. */
const FACES_AHEAD = 2;

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

/** How images become predictions; what the weights know of themselves comes after it. */
export interface PredictOptions extends TrainedOverrides {
  readonly batchSize: number;
  /** Names of the classes, where the weights do not tell them. */
  readonly classes?: readonly string[] | undefined;
  /** Instead of those of the images that the network was trained on. */
  readonly imageSize?: number | undefined;
  readonly channels?: 1 | 3 | undefined;
  /** Look for faces, and classify each; an image without a face is classified as a whole. */
  readonly faces?: FaceOptions | undefined;
  readonly tta?: Tta | undefined;
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
    private readonly device: Device,
    private readonly network: PlacedNetwork,
    private readonly data: DataSet,
    readonly form: ImageForm,
    private readonly options: PredictOptions,
    private readonly augment: AugmentSpec | undefined,
  ) {}

  /**
   * Puts a network on the GPU.
   * @throws {UserError} where the weights do not say all that is needed, and the options do not either
   */
  static place(device: Device, trained: Trained, options: PredictOptions): Predictor {
    const form = formFor(trained, options);
    const known = trained.known?.classes;
    const classes = options.classes ?? known;
    if (!classes) throw new UserError(`${trained.file} does not name its classes: give --classes with their names`);
    if (known && known.length !== classes.length) {
      throw new UserError(`${trained.file} tells ${known.length} classes apart; --classes names ${classes.length}`);
    }
    const empty = splitOf([]);
    const data: DataSet = {
      ...{ name: 'the images', classes, channels: form.channels, height: form.size, width: form.size },
      ...{ splits: { train: empty, val: empty, test: empty }, fingerprint: '' },
    };
    const network = placeNetwork(device, trained, data, options);
    return new Predictor(device, network, data, form, options, options.augment ?? trained.augment);
  }

  /**
   * Classifies images as they come; results have their order, and a network's answer does not depend on what else is asked.
   * Only a batch of images is held at a time.
   */
  async *predict(images: AsyncIterable<InputImage>): AsyncGenerator<Prediction | Unread> {
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

  /** Names, in the order in which predictions have them. */
  get classes(): readonly string[] {
    return this.data.classes;
  }

  /** Gives the network's memory on the GPU back. */
  dispose(): void {
    this.network.model.dispose();
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
    const { device, network, data, augment } = this;
    const { batchSize, tta, explain: explained } = this.options;
    const split = splitOf(subjects);
    const { logits, predictions } = await evaluateWithTta(device, network, data, split, { batchSize, tta, augment });
    const { classes } = data;
    const probabilities = softmax(logits, classes.length);
    const all = Uint32Array.from(subjects.keys());
    const heat =
      explained &&
      (await explain(device, network, data, split, all, { ...explained, classes: predictions, batchSize }));
    return subjects.map((_, n) => ({
      emotions: Object.fromEntries(classes.map((name, k) => [name, probabilities[n * classes.length + k]!])),
      top: classes[predictions[n]!]!,
      ...(heat && { overlay: { height: heat.height, width: heat.width, pixels: overlayOf(heat, n) } }),
    }));
  }
}

function splitOf(subjects: readonly Subject[]): Split {
  const bytes = subjects[0]?.pixels.length ?? 0;
  const images = new Uint8Array(subjects.length * bytes);
  subjects.forEach(({ pixels }, n) => {
    images.set(pixels, n * bytes);
  });
  return { count: subjects.length, images, labels: new Uint8Array(subjects.length) };
}
