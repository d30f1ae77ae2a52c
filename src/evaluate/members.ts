import type { DataSet, SplitName } from '../data/dataset.js';
import { UserError } from '../util/errors.js';
import { combine, fitWeights, type FittedWeights } from './ensemble.js';
import type { Predictions } from './evaluate.js';
import { confusionMatrix } from './metrics/confusion.js';
import { classificationReport } from './metrics/report.js';
import type { Trained } from './trained.js';

/** What the members of an ensemble answered by themselves. */
export interface MemberScores {
  readonly run: string;
  readonly model: string;
  /** Of its probabilities in the mean. */
  readonly weight: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly macroF1: number;
}

/** How an ensemble came about. */
export interface Ensemble {
  readonly members: readonly MemberScores[];
  /** Where weights were fitted: on which split, and its log loss under them and under equal ones. */
  readonly fit?: { readonly split: SplitName } & Omit<FittedWeights, 'weights'>;
}

/** A network's answers on splits of the data as they were loaded for it. */
export interface MemberAnswers {
  readonly data: DataSet;
  readonly predictions: readonly Predictions[];
}

export interface EnsembleOptions {
  readonly split: SplitName;
  /** Fit weights on this split, instead of equal ones. */
  readonly fitOn?: SplitName | undefined;
  /** Whether classes of other names are taken for the same, in their order. */
  readonly sameClasses?: boolean;
  /** Loads the data as the network takes them, and evaluates it on each of `splits`. */
  readonly answer: (trained: Trained, splits: readonly SplitName[]) => Promise<MemberAnswers>;
}

/**
 * Evaluates networks one by one, and as one: each gets the images in its own size, channels and normalisation, but they have to
 * be the same images.
 *
 * @throws {UserError} where the networks tell other classes apart, or their data have other images
 */
export async function evaluateTogether(
  networks: readonly Trained[],
  { split, fitOn, sameClasses = false, answer }: EnsembleOptions,
): Promise<{ predictions: Predictions; ensemble: Ensemble }> {
  requireSameClasses(networks, sameClasses);
  const splits = fitOn === undefined || fitOn === split ? [split] : [split, fitOn];
  const answers: MemberAnswers[] = [];
  for (const network of networks) {
    const own = await answer(network, splits);
    const first = answers[0]?.data ?? own.data;
    for (const name of splits) requireSameImages(networks[0]!, first, network, own.data, name);
    // Only labels and names are needed from here on.
    answers.push({ ...own, data: withoutImages(own.data) });
  }
  const own = answers.map(({ predictions }) => predictions[0]!);
  const fitted = fitOn === undefined ? undefined : fitWeights(answers.map(({ predictions }) => predictions.at(-1)!));
  const weights = fitted?.weights ?? networks.map(() => 1 / networks.length);
  const members = networks.map((network, m): MemberScores => {
    const { labels, predictions, loss, accuracy, logits } = own[m]!;
    const confusion = confusionMatrix(labels, predictions, logits.length / labels.length);
    return {
      ...{ run: network.run?.path ?? network.file, model: network.model.model, weight: weights[m]! },
      ...{ loss, accuracy, macroF1: classificationReport(confusion).macro.f1 },
    };
  });
  return {
    predictions: combine(own, weights),
    ensemble: { members, ...(fitted ? { fit: fitOf(fitOn!, fitted) } : {}) },
  };
}

function fitOf(split: SplitName, { loss, equalLoss, gap, iterations }: FittedWeights): NonNullable<Ensemble['fit']> {
  return { split, loss, equalLoss, gap, iterations };
}

function requireSameClasses(networks: readonly Trained[], sameClasses: boolean): void {
  const [first, ...others] = networks;
  const wanted = first!.known?.classes ?? [];
  for (const network of others) {
    const classes = network.known?.classes ?? [];
    const differ = classes.length !== wanted.length || (!sameClasses && classes.some((name, k) => name !== wanted[k]));
    if (!differ) continue;
    throw new UserError(
      `${nameOf(network)} tells apart ${classes.join(', ')}, ${nameOf(first!)} ${wanted.join(', ')}: ` +
        'networks of an ensemble have the same classes; where they mean the same in the same order, say so with ' +
        `--classes ${wanted.length}`,
    );
  }
}

function requireSameImages(one: Trained, first: DataSet, other: Trained, second: DataSet, name: SplitName): void {
  const [a, b] = [first.splits[name], second.splits[name]];
  const fault =
    a.count !== b.count
      ? `${b.count} images and not ${a.count}`
      : a.labels.some((label, n) => label !== b.labels[n])
        ? 'other labels'
        : a.names && b.names && a.names.some((image, n) => image !== b.names![n])
          ? 'other images'
          : undefined;
  if (fault === undefined) return;
  throw new UserError(
    `the ${name} splits of ${nameOf(one)} and ${nameOf(other)} differ (the second has ${fault}): an ensemble is of the same images. ` +
      'Give the images with --data, or take a --split that the runs share, as folds share test',
  );
}

function withoutImages(data: DataSet): DataSet {
  const bare = (name: SplitName) => ({ ...data.splits[name], images: new Uint8Array(0) });
  return { ...data, splits: { train: bare('train'), val: bare('val'), test: bare('test') } };
}

function nameOf({ run, file }: Trained): string {
  return run?.path ?? file;
}
