import { picturesOf } from '../data/augment/preview.js';
import { chooseImages, pictureOf, type Picture } from '../data/sheet.js';
import type { DataSet } from '../data/dataset.js';
import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { histogramOf, type EventImage, type SummaryValue } from '../interop/tfevents/index.js';
import { scope, type Tensor } from '../tensor/index.js';
import { isLogged } from './log-options.js';
import type { Setup } from './setup.js';
import type { Trainee } from './trainee.js';
import type { TrainOptions } from './types.js';

/** Pictures of one image at most; fewer where they are large, so that events stay small. */
const MOST_PICTURES = 32;
const MOST_PIXELS = 250_000;

/**
 * What TensorBoard is shown of an epoch beside figures, where the options ask for it. It only reads, so that a run computes the
 * same bits with it and without.
 */
export class EpochLook {
  /** Logits of the validation images so far, batch by batch. */
  #logits: Tensor[] = [];

  constructor(
    private readonly device: Device,
    private readonly data: DataSet,
    private readonly setup: Setup,
    private readonly options: TrainOptions,
  ) {}

  /** Whether images are told of an epoch, so that its validation is to hand over logits. */
  wantsImages(epoch: number): boolean {
    return isLogged('logImages', this.options, epoch);
  }

  /**
   * Histograms of the parameters and of the gradients of the step that was the last; of an epoch that wants none, nothing. To be
   * called before the next step: gradients stay where the optimiser took them from, as they were before clipping.
   */
  async histograms({ model, optimizer }: Trainee, epoch: number): Promise<SummaryValue[]> {
    if (!isLogged('logHistograms', this.options, epoch)) return [];
    const nameOf = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
    const updated = new Map(optimizer.parameters.map((parameter, i) => [parameter, optimizer.steps[i]! > 0]));
    const values: SummaryValue[] = [];
    for (const { memory, places } of optimizer.blocks) {
      const read = async (slice: Slice) => new Float32Array(await this.device.read(slice));
      const [parameters, gradients] = [await read(memory.parameter), await read(memory.gradient)];
      for (const { parameter, offset } of places) {
        const name = nameOf.get(parameter)!;
        const within = (all: Float32Array) => all.subarray(offset / 4, offset / 4 + parameter.size);
        values.push(...histogram(`weights/${name}`, within(parameters)));
        if (!parameter.requiresGrad || !updated.get(parameter)) continue;
        values.push(...histogram(`gradients/${name}`, within(gradients)));
      }
    }
    return values;
  }

  /** Takes the logits of the next batch of validation images, (n,K). */
  collect(logits: Tensor): void {
    this.#logits.push(logits.keep());
  }

  /** Forgets what was collected. */
  forget(): void {
    for (const logits of this.#logits) logits.dispose();
    this.#logits = [];
  }

  /** Images of an epoch after its validation, whose logits were collected. `order`: that of the epoch's training images. */
  async images(epoch: number, order: Uint32Array): Promise<SummaryValue[]> {
    const { confusionMatrixChart } = await import('../plots/index.js');
    const { classes } = this.data;
    const { labels } = this.setup.splits.val;
    const answers = await this.#answers();
    const counts = classes.map(() => classes.map(() => 0));
    answers.forEach(({ predicted }, i) => counts[labels[i]!]![predicted]!++);
    const title = `epoch ${epoch}, validation images`;
    return [
      { tag: 'confusion/val', image: await imageOf(await confusionMatrixChart(title, classes, counts)) },
      { tag: 'samples/val', image: await this.#validationSamples(title, answers) },
      { tag: 'samples/train', image: await this.#trainingSamples(epoch, order) },
    ];
  }

  /** What the network says of each validation image, in order, and how sure it is. */
  async #answers(): Promise<{ predicted: number; share: number }[]> {
    const count = this.data.classes.length;
    const answers: { predicted: number; share: number }[] = [];
    for (const tensor of this.#logits) {
      const logits = await tensor.data();
      for (let at = 0; at < logits.length; at += count) {
        const row = logits.subarray(at, at + count);
        const highest = row.reduce((most, value) => Math.max(most, value));
        // The softmax of the highest: its own term is 1.
        const share = 1 / row.reduce((sum, value) => sum + Math.exp(value - highest), 0);
        answers.push({ predicted: row.indexOf(highest), share });
      }
    }
    this.forget();
    return answers;
  }

  /** The same images after every epoch, some of each class. */
  async #validationSamples(
    title: string,
    answers: readonly { predicted: number; share: number }[],
  ): Promise<EventImage> {
    const { classes } = this.data;
    const { labels } = this.setup.splits.val;
    const most = mostPictures(this.data);
    const choice = { count: Math.max(1, Math.floor(most / classes.length)), columns: 1, seed: this.options.seed };
    const chosen = chooseImages({ ...this.data, splits: this.setup.splits }, 'val', choice)
      .flat()
      .slice(0, most);
    const shown = chosen.map(index => {
      const { predicted, share } = answers[index]!;
      const truth = classes[labels[index]!]!;
      return {
        ...pictureOf({ ...this.data, splits: this.setup.splits }, 'val', index),
        caption: `${classes[predicted]!} ${Math.round(100 * share)} %`,
        ...(predicted === labels[index] ? {} : { wrong: `true: ${truth}` }),
      };
    });
    return samplesImage(title, shown);
  }

  /** The epoch's first training images as the network was given them. */
  async #trainingSamples(epoch: number, order: Uint32Array): Promise<EventImage> {
    const { batches, info } = this.setup;
    const { x, labels } = scope(() => {
      const { x, labels } = batches.train.load(order, 0, epoch);
      return { x: x.keep(), labels: labels.keep() };
    });
    try {
      const pictures = picturesOf(await x.data(), x.shape, info);
      const classes = await labels.read();
      const shown = pictures
        .slice(0, mostPictures(pictures[0]!))
        .map((picture, i) => ({ ...picture, caption: this.data.classes[classes[i]!]! }));
      return await samplesImage(`epoch ${epoch}, training images as the network gets them`, shown);
    } finally {
      x.dispose();
      labels.dispose();
    }
  }
}

/** None for values that are not finite: a step under mixed precision that was left out, or what is about to end the run. */
function histogram(tag: string, values: Float32Array): SummaryValue[] {
  return values.every(Number.isFinite) ? [{ tag, histogram: histogramOf(values) }] : [];
}

function mostPictures({ height, width }: Pick<Picture, 'height' | 'width'>): number {
  return Math.min(MOST_PICTURES, Math.max(1, Math.floor(MOST_PIXELS / (height * width))));
}

async function samplesImage(
  title: string,
  pictures: readonly (Picture & { caption: string; wrong?: string })[],
): Promise<EventImage> {
  const { drawCaptionedImages } = await import('../plots/index.js');
  return imageOf(drawCaptionedImages(title, pictures));
}

/** A figure as PNG. */
async function imageOf(svg: string): Promise<EventImage> {
  const { pngFile, pngSize } = await import('../plots/index.js');
  const png = pngFile(svg);
  return { ...pngSize(png), channels: 4, png };
}
