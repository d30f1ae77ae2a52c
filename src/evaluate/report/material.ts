import { arch, platform, release } from 'node:os';
import type { DataSet, SplitName } from '../../data/dataset.js';
import type { Device } from '../../gpu/device.js';
import type { OpenOptions } from '../../gpu/node.js';
import { manualSeed } from '../../tensor/index.js';
import { createModel } from '../../train/model.js';
import { recipeText } from '../../train/recipes/index.js';
import { RunFolder, type RunConfig } from '../../train/run.js';
import { adapterName } from '../../train/trainer.js';
import type { EpochRow, TrainSummary } from '../../train/types.js';
import { IN_FLIGHT } from '../../train/validate.js';
import { UserError } from '../../util/errors.js';
import { RandomStream } from '../../util/random.js';
import { assess, type AssessOptions } from '../assess.js';
import type { Assessment } from '../assessment.js';
import { costOf, type ModelCost } from '../cost.js';
import { extractFeatures } from '../embed/features.js';
import { tsne } from '../embed/tsne.js';
import { umap } from '../embed/umap.js';
import { evaluate, type Predictions } from '../evaluate.js';
import { centralBox, heatShare } from '../explain/cam.js';
import { explain, type ExplanationMethod, type Explanations } from '../explain/explain.js';
import { compareMaps, type SanityCheck } from '../explain/sanity.js';
import { openDeviceFor, placeNetwork, type PlacedNetwork, type Trained } from '../trained.js';
import { chooseExamples, type Example } from './examples.js';
import { integer } from './text.js';

/** RandomStream's, for the images of an embedding. */
const POINTS_STREAM = 223;

export interface MaterialOptions extends OpenOptions {
  /** Of facegrad, for the record. */
  readonly version: string;
  readonly split: SplitName;
  readonly batchSize: number;
  readonly assess?: AssessOptions;
  /** Maps of what networks look at; none where absent. */
  readonly method?: ExplanationMethod | undefined;
  readonly layer?: string | undefined;
  /** Images of each class with the surest right answers, and as many with the surest wrong ones. */
  readonly examples: number;
  readonly embedding?: 'tsne' | 'umap' | undefined;
  /** Most points of the embedding. */
  readonly points: number;
  readonly onProgress?: (fraction: number, text: string) => void;
}

/** Maps of what a network looked at in some images, and how far they can be trusted. */
export interface MapMaterial {
  readonly examples: readonly Example[];
  readonly explanations: Explanations;
  readonly sanity: SanityCheck;
  /** Mean share of the heat in the middle of the picture (`centralBox`), and that of an even map: the share of its area. */
  readonly central: number;
  readonly centralArea: number;
}

export interface EmbeddingMaterial {
  readonly method: 'tsne' | 'umap';
  readonly layer: string;
  readonly dimensions: number;
  readonly points: readonly { x: number; y: number; label: number; predicted: number }[];
}

/** Everything that a report shows of one run. */
export interface RunMaterial {
  readonly name: string;
  readonly config: RunConfig;
  /** As a recipe that repeats the run. */
  readonly recipe: string;
  readonly summary: TrainSummary | undefined;
  readonly epochs: readonly EpochRow[];
  readonly data: DataSet;
  readonly predictions: Predictions;
  readonly assessment: Assessment;
  readonly maps: MapMaterial | undefined;
  readonly embedding: EmbeddingMaterial | undefined;
  readonly cost: ModelCost;
  /** Images a second of the evaluation, once kernels are compiled; null where there are too few images to tell. */
  readonly evaluationRate: number | null;
  readonly environment: Readonly<Record<string, string>>;
  /** Why there is nothing to show of something, such as maps of a network without convolutions. */
  readonly missing: readonly string[];
  /** What was asked for by name and cannot be shown. */
  readonly faults: readonly string[];
}

/**
 * Evaluates a run's best weights on a split of `data` and gathers what a report shows. What does not exist for this network or
 * these data, such as maps of a network without convolutions, is left out with a note.
 * @throws UserError where the run cannot be evaluated at all
 */
export async function gatherMaterial(trained: Trained, data: DataSet, options: MaterialOptions): Promise<RunMaterial> {
  const { split, batchSize, onProgress = () => undefined } = options;
  const { run } = trained;
  if (!run) throw new UserError(`${trained.file} belongs to no run: a report is of runs`);
  const folder = await RunFolder.open(run.path);
  const [summary, epochs] = [await folder.readSummary(), await folder.readMetrics()];
  const device = await openDeviceFor(trained, options);
  const [missing, faults]: [string[], string[]] = [[], []];
  const tryTo = async <T>(make: () => Promise<T>, reasons: string[]): Promise<T | undefined> => {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(error.message);
      return undefined;
    }
  };
  try {
    const network = placeNetwork(device, trained, data);
    const progress: number[] = [];
    const predictions = await evaluate(device, network.model, data, data.splits[split], {
      ...network.normalisation,
      ...{ augmenter: network.augmenter, batchSize },
      onProgress: fraction => {
        progress.push(performance.now());
        onProgress(fraction, 'evaluating');
      },
    });
    // When so many batches had been handed over, the first was done, and kernels were compiled.
    const warm = progress[IN_FLIGHT];
    const rest = predictions.count - batchSize;
    const evaluationRate = warm !== undefined && rest > 0 ? (1000 * rest) / (performance.now() - warm) : null;
    const assessment = assess(predictions, data, split, { ...options.assess, onProgress });
    const reasons = options.layer === undefined ? missing : faults;
    const maps = await tryTo(() => mapsOf(device, trained, network, data, predictions, options), reasons);
    const embedding = await tryTo(() => embed(device, network, data, predictions, options), missing);
    return {
      ...{ name: run.path, config: run.config, summary, epochs, data, predictions, assessment, maps, embedding },
      recipe: recipeText(run.config.options, { comment: `${run.path}, every default written out.` }),
      cost: costOf(trained.model, { classes: data.classes.length, channels: data.channels }),
      ...{ evaluationRate, environment: environmentOf(device, run.config, data, options.version), missing, faults },
    };
  } finally {
    device.destroy();
  }
}

async function mapsOf(
  device: Device,
  trained: Trained,
  network: PlacedNetwork,
  data: DataSet,
  predictions: Predictions,
  { split, method, layer, examples: each, batchSize, onProgress }: MaterialOptions,
): Promise<MapMaterial | undefined> {
  if (method === undefined) return undefined;
  const examples = chooseExamples(predictions, data.classes.length, each);
  const indices = Uint32Array.from(examples, ({ image }) => image);
  const classes = examples.map(({ image }) => predictions.predictions[image]!);
  const options = { method, layer, classes, batchSize };
  const explanations = await explain(device, network, data, data.splits[split], indices, {
    ...options,
    onProgress: fraction => onProgress?.(fraction, 'looking for what it looks at'),
  });
  manualSeed(0);
  const imagenet = trained.known?.imagenet === true;
  const form = { ...data, height: explanations.height, width: explanations.width };
  const random = createModel(trained.model, form, data.classes.length, imagenet);
  try {
    const others = await explain(device, { ...network, model: random }, data, data.splits[split], indices, {
      ...options,
      layer: explanations.layer === 'input' ? undefined : explanations.layer,
    });
    const { height, width, count, maps } = explanations;
    const box = centralBox(height, width);
    // A map that is empty has its heat nowhere.
    const hot = Array.from({ length: count }, (_, n) =>
      maps.subarray(n * height * width, (n + 1) * height * width),
    ).filter(map => map.some(value => value > 0));
    const central = hot.reduce((sum, map) => sum + heatShare(map, width, [box]), 0) / Math.max(1, hot.length);
    const centralArea = heatShare(new Uint8Array(height * width).fill(1), width, [box]);
    return { examples, explanations, sanity: compareMaps(explanations, others), central, centralArea };
  } finally {
    random.dispose();
  }
}

async function embed(
  device: Device,
  network: PlacedNetwork,
  data: DataSet,
  { labels, predictions }: Predictions,
  { split, embedding: method, points: most, batchSize, onProgress }: MaterialOptions,
): Promise<EmbeddingMaterial | undefined> {
  if (method === undefined) return undefined;
  const images = data.splits[split];
  const chosen = new RandomStream(0, POINTS_STREAM).permutation(images.count).subarray(0, most).sort();
  const { values, dimensions, layer } = await extractFeatures(device, network, data, images, chosen, { batchSize });
  const progress = (fraction: number) => onProgress?.(fraction, 'embedding');
  const flat = (method === 'umap' ? umap : tsne)(values, chosen.length, dimensions, { onProgress: progress });
  const points = Array.from(chosen, (image, n) => ({
    ...{ x: flat[2 * n]!, y: flat[2 * n + 1]! },
    ...{ label: labels[image]!, predicted: predictions[image]! },
  }));
  return { method, layer, dimensions, points };
}

/** The mean of a column over a run's epochs; null where none was finished. */
export function meanOf(epochs: readonly EpochRow[], key: keyof EpochRow): number | null {
  return epochs.length === 0 ? null : epochs.reduce((total, row) => total + row[key], 0) / epochs.length;
}

function environmentOf(device: Device, config: RunConfig, data: DataSet, version: string): Record<string, string> {
  return {
    'trained on': config.adapter,
    'evaluated on': adapterName(device),
    'trained with': `facegrad ${config.facegrad}, ${config.created.slice(0, 10)}`,
    'evaluated with': `facegrad ${version}, Node ${process.versions.node}, ${platform()} ${release()} ${arch()}`,
    'computed in': device.matrices === undefined ? 'f32' : 'mixed precision (amp)',
    seed: String(config.options.seed),
    'data of the run': config.data.name,
    'evaluated data': data.name,
    // Where papers mix the rules by which a row of a file becomes a label, a result is worth what its rule is.
    'label rule': data.labelling ?? "the data set's own labels",
    images: `${integer(config.data.train)} training, ${integer(config.data.val)} validation, ${integer(config.data.test)} test`,
    "fingerprint of the run's data": config.data.fingerprint,
    'fingerprint of the evaluated data': data.fingerprint,
    kernels: config.tuning ? `${Object.keys(config.tuning).length} not the defaults` : 'the defaults',
  };
}
