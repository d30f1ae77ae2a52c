import { createHash } from 'node:crypto';
import { basename, extname, resolve } from 'node:path';
import { Classifier } from '../evaluate/predict/classifier.js';
import { formFor } from '../evaluate/predict/form.js';
import { normalisesAsImageNet, type Trained } from '../evaluate/trained.js';
import { openDevice } from '../gpu/node.js';
import { decodeSafeTensors } from '../interop/safetensors.js';
import { countParameters } from '../nn/index.js';
import { setDefaultDevice } from '../tensor/index.js';
import { readRun } from '../train/catalogue/index.js';
import { modelChoice } from '../train/model.js';
import { encodeTensorFile } from '../train/tensor-file.js';
import type { ModelInfo } from './api.js';

/** What goes before what weights know of themselves. */
export interface ModelOverrides {
  readonly classes?: readonly string[] | undefined;
  readonly mean?: number[] | undefined;
  readonly std?: number[] | undefined;
}

/** A network that can be asked. */
export interface ServedModel {
  readonly info: ModelInfo;
  readonly trained: Trained;
  readonly overrides: ModelOverrides;
  /** The file at `info.weights`, of which `trained.state` is a view. */
  readonly weights: Uint8Array;
  /** Of `weights`. */
  readonly etag: string;
}

/**
 * Makes networks ready to be asked about, in their order: builds each without a GPU, so that what does not fit together
 * is found out now.
 * @throws {UserError} where weights, network, classes and normalisation do not fit together
 */
export async function prepareModels(
  given: readonly { readonly trained: Trained; readonly overrides?: ModelOverrides | undefined }[],
): Promise<ServedModel[]> {
  const paths = given.map(({ trained }) => trained.run?.path ?? trained.file);
  const names = namesOf(paths);
  const ids = idsOf(names);
  const device = await openDevice({ backend: 'null' });
  const models: ServedModel[] = [];
  try {
    for (const [i, { trained, overrides = {} }] of given.entries()) {
      const form = formFor(trained, overrides);
      const classifier = Classifier.place(device, trained, form, { ...overrides, batchSize: 1 });
      const { classes, network } = classifier;
      const parameters = countParameters(network.model);
      classifier.dispose();
      const { model, ...modelOptions } = modelChoice(trained.model);
      const weights = encodeTensorFile({ tensors: new Map(trained.state), metadata: {} });
      const { mean, std } = network.normalisation;
      const info: ModelInfo = {
        ...{ id: ids[i]!, name: names[i]!, model, modelOptions, dataset: trained.run?.config.data.name ?? null },
        ...{ classes, image: form },
        normalisation: { mean, std, imagenet: normalisesAsImageNet(trained, overrides) },
        augment: trained.augment ?? null,
        ...{ parameters, bytes: weights.length },
        ...(await scoresOf(trained)),
        weights: `/api/models/${ids[i]!}/weights`,
      };
      const etag = `"${createHash('sha256').update(weights).digest('base64url')}"`;
      // One copy in memory will do.
      const { tensors: state } = decodeSafeTensors(weights);
      models.push({ info, trained: { ...trained, state }, overrides, weights, etag });
    }
  } finally {
    setDefaultDevice(undefined);
    device.destroy();
  }
  return models;
}

/** What is known of how often a run's best weights are right: on the test split, where it has ended and has one. */
async function scoresOf({ run }: Trained): Promise<Pick<ModelInfo, 'accuracy' | 'recall'>> {
  if (!run) return { accuracy: null, recall: null };
  const { summary, best } = await readRun(run.path);
  // The summary may be that of a sitting before the last, whose best epoch was another.
  const ended = summary && !summary.interrupted && summary.bestEpoch === best?.epoch ? summary : undefined;
  if (ended?.testAccuracy !== undefined) {
    return { accuracy: { split: 'test', value: ended.testAccuracy }, recall: ended.testRecall ?? null };
  }
  if (!best) return { accuracy: null, recall: null };
  return { accuracy: { split: 'val', value: best.valAccuracy }, recall: ended?.bestValRecall ?? null };
}

/** The last part of each path without its ending, or, of those that share it, the paths themselves. */
function namesOf(paths: readonly string[]): string[] {
  const short = paths.map(path => {
    const name = basename(resolve(path));
    const end = extname(name);
    return /^\.(safetensors|pth|pt)$/i.test(end) ? basename(name, end) : name;
  });
  return short.map((name, i) => (short.indexOf(name) === short.lastIndexOf(name) ? name : paths[i]!));
}

/** Names as they can stand in addresses, all of them different. */
function idsOf(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map(name => {
    const plain = name
      .normalize('NFKD')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
    const stem = plain === '' ? 'model' : plain;
    let id = stem;
    for (let n = 2; taken.has(id); n++) id = `${stem}-${n}`;
    taken.add(id);
    return id;
  });
}
