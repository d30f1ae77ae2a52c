import type { AugmentSpec } from '../../data/augment/transforms.js';
import type { DataSet, Split } from '../../data/dataset.js';
import type { Device } from '../../gpu/device.js';
import { UserError } from '../../util/errors.js';
import { explain, type ExplainOptions, type Explanations } from '../explain/explain.js';
import { viewsOf } from '../explain/views.js';
import { softmax } from '../metrics/probabilities.js';
import { placeNetwork, type PlacedNetwork, type TrainedNetwork, type TrainedOverrides } from '../place.js';
import { evaluateWithTta, type Tta } from '../tta.js';
import type { ImageForm, Subject } from './subject.js';

/** What a network says of one subject. */
export interface Answer {
  /** The probability of each class, in the order of classes; of sum 1. */
  readonly probabilities: Float64Array;
  /** The class of the highest probability. */
  readonly top: number;
}

export interface ClassifierOptions extends TrainedOverrides {
  readonly batchSize: number;
  /** Names of the classes, where the weights do not tell them. */
  readonly classes?: readonly string[] | undefined;
  readonly tta?: Tta | undefined;
}

/** Subjects: their pixels are all that a network gets. */
type Seen = Pick<Subject, 'pixels'>;

/**
 * A network on the GPU that classifies images which have its form already, in Node and in browsers. Made by
 * `Classifier.place`; the caller disposes of it.
 */
export class Classifier {
  private constructor(
    private readonly device: Device,
    readonly network: PlacedNetwork,
    private readonly data: DataSet,
    private readonly options: ClassifierOptions,
    private readonly augment: AugmentSpec | undefined,
  ) {}

  /**
   * Puts a network on the GPU.
   * @throws {UserError} where the weights do not say all that is needed, and the options do not either
   */
  static place(device: Device, trained: TrainedNetwork, form: ImageForm, options: ClassifierOptions): Classifier {
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
    return new Classifier(device, network, data, options, options.augment ?? trained.augment);
  }

  /** Names, in the order in which answers have them. */
  get classes(): readonly string[] {
    return this.data.classes;
  }

  /** One answer a subject, which does not depend on the others. */
  async answers(subjects: readonly Seen[]): Promise<Answer[]> {
    const { device, network, data, augment } = this;
    const { batchSize, tta } = this.options;
    const split = splitOf(subjects);
    const { logits, predictions } = await evaluateWithTta(device, network, data, split, { batchSize, tta, augment });
    const count = data.classes.length;
    const probabilities = softmax(logits, count);
    return subjects.map((_, n) => {
      return { probabilities: probabilities.subarray(n * count, (n + 1) * count), top: predictions[n]! };
    });
  }

  /**
   * Maps of what speaks for a class of each subject.
   * @param classes one for each subject
   */
  explain(
    subjects: readonly Seen[],
    options: Pick<ExplainOptions, 'method' | 'layer'>,
    classes: ArrayLike<number>,
  ): Promise<Explanations> {
    const { device, network, data } = this;
    const all = Uint32Array.from(subjects.keys());
    const { batchSize } = this.options;
    return explain(device, network, data, splitOf(subjects), all, { ...options, classes, batchSize });
  }

  /** What of the subjects reaches the network, where a run crops or resizes test images: one of (H,W,C) bytes each. */
  async seen(subjects: readonly Seen[]): Promise<{ height: number; width: number; pictures: Uint8Array[] }> {
    const { device, data } = this;
    const { augmenter, normalisation } = this.network;
    if (!augmenter) return { height: data.height, width: data.width, pictures: subjects.map(({ pixels }) => pixels) };
    const all = Uint32Array.from(subjects.keys());
    const { x, pictures } = await viewsOf(device, data, splitOf(subjects), all, normalisation, augmenter);
    const [, channels, height, width] = x.shape as [number, number, number, number];
    x.dispose();
    const bytes = channels * height * width;
    return { height, width, pictures: subjects.map((_, n) => pictures.subarray(n * bytes, (n + 1) * bytes)) };
  }

  /** Gives the network's memory on the GPU back. */
  dispose(): void {
    this.network.model.dispose();
  }
}

function splitOf(subjects: readonly Seen[]): Split {
  const bytes = subjects[0]?.pixels.length ?? 0;
  const images = new Uint8Array(subjects.length * bytes);
  subjects.forEach(({ pixels }, n) => {
    images.set(pixels, n * bytes);
  });
  return { count: subjects.length, images, labels: new Uint8Array(subjects.length) };
}
