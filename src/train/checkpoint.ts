import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { decodeSafeTensors, encodeSafeTensors, type HostTensor } from '../interop/safetensors.js';
import type { StateEntry } from '../nn/index.js';
import type { Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { writeFileAtomic } from './files.js';
import type { Origin } from './init-weights.js';
import { modelOptionsShape } from './model.js';
import type { Trainee } from './trainee.js';
import type { EpochRow } from './types.js';

/**
 * What a weights file says of itself, so that it can be evaluated without its run: kept as JSON in the safetensors
 * metadata.
 */
const weightsSchema = z.object({
  model: z.string(),
  ...modelOptionsShape,
  classes: z.array(z.string()),
  mean: z.array(z.number()),
  std: z.array(z.number()),
  /** Whether the network then normalises as ImageNet's images were. */
  imagenet: z.boolean().exactOptional(),
  /** Whether the images' histograms were equalised. */
  equalize: z.literal(true).exactOptional(),
  epoch: z.int(),
});

export type WeightsInfo = z.infer<typeof weightsSchema>;

const rowSchema = z.object({
  epoch: z.int(),
  lr: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  valLoss: z.number(),
  valAccuracy: z.number(),
  seconds: z.number(),
  imagesPerSecond: z.number(),
});

/** Where a run stands between two steps. Together with weights and optimiser state it decides all that follows. */
const positionSchema = z.object({
  /** Finished epochs. */
  epochs: z.int().nonnegative(),
  /** Finished steps of the epoch under way. */
  step: z.int().nonnegative(),
  /** Number of the stage whose optimiser this is the state of, from 0, where the run has stages. */
  stage: z.int().nonnegative().exactOptional(),
  /** Seconds and training images so far, over all sittings; of the epoch under way likewise. */
  seconds: z.number(),
  epochSeconds: z.number(),
  generator: z.object({ seed: z.int(), offset: z.int() }),
  /** Updates of each parameter, in the optimiser's order. */
  optimizerSteps: z.array(z.int()),
  /** What schedulers move, by parameter group. */
  groups: z.array(z.object({ lr: z.number(), momentum: z.number() })),
  schedule: z.record(z.string(), z.number().nullable()).exactOptional(),
  earlyStopping: z.object({ best: z.number().nullable(), bad: z.int() }).exactOptional(),
  /** Updates in the moving average of weights. */
  averageSteps: z.int().exactOptional(),
  /** The scale of the loss, under mixed precision. */
  scaler: z.object({ scale: z.number(), growthTracker: z.int() }).exactOptional(),
  history: z.array(rowSchema),
});

/** Where a run stands in time; the rest is the trainee's. */
export type Position = Pick<
  z.infer<typeof positionSchema>,
  'epochs' | 'step' | 'stage' | 'seconds' | 'epochSeconds'
> & {
  readonly history: readonly EpochRow[];
};

const OPTIMIZER = 'optimizer.';
const AVERAGE = 'ema.';
const ORIGIN = 'l2_sp.start.';
const TOTALS = 'train.totals';

/** The names under which a training checkpoint keeps more than weights. */
const isTrainingState = (name: string) =>
  [OPTIMIZER, AVERAGE, ORIGIN].some(prefix => name.startsWith(prefix)) || name === TOTALS;

/** Writes weights alone. */
export async function saveWeights(
  path: string,
  state: ReadonlyMap<string, StateEntry>,
  info: WeightsInfo,
): Promise<void> {
  await writeFileAtomic(
    path,
    encodeSafeTensors({ tensors: new Map(state), metadata: { facegrad: JSON.stringify(info) } }),
  );
}

/** Writes all that a resumed run needs to go on as if it had never stopped. */
export async function saveCheckpoint(
  path: string,
  trainee: Trainee,
  position: Position,
  info: WeightsInfo,
): Promise<void> {
  const { optimizer, generator, scaler, totals } = trainee;
  // First of all, since it corrects the optimiser's counts.
  const scaling = await scaler?.settle(optimizer);
  const tensors = new Map<string, HostTensor>(await trainee.model.stateDict());
  for (const [name, tensor] of stateTensors(trainee)) {
    tensors.set(name, { dtype: 'F32', shape: tensor.shape, data: await tensor.data() });
    tensor.dispose();
  }
  for (const [name, data] of trainee.origin ?? []) {
    tensors.set(ORIGIN + name, { dtype: 'F32', shape: tensors.get(name)!.shape, data });
  }
  tensors.set(TOTALS, { dtype: 'F32', shape: totals.shape, data: await totals.data() });
  const training: z.infer<typeof positionSchema> = {
    ...position,
    history: [...position.history],
    generator: { seed: generator.seed, offset: generator.offset },
    optimizerSteps: [...optimizer.steps],
    groups: optimizer.groups.map(({ lr, momentum }) => ({ lr, momentum })),
    ...(trainee.schedule ? { schedule: trainee.schedule.state() } : {}),
    ...(trainee.earlyStopping ? { earlyStopping: trainee.earlyStopping.state() } : {}),
    ...(trainee.average ? { averageSteps: await trainee.average.steps() } : {}),
    ...(scaling ? { scaler: scaling } : {}),
  };
  const metadata = { facegrad: JSON.stringify(info), training: JSON.stringify(training) };
  await writeFileAtomic(path, encodeSafeTensors({ tensors, metadata }));
}

/**
 * Puts a saved state back into the trainee of its stage, which `traineeOf` gives, and tells where the run stood and what its
 * parameters are pulled to, which is the caller's to arrange. Bits are as they were.
 */
export async function loadCheckpoint(
  path: string,
  traineeOf: (stage: number) => Trainee,
): Promise<Position & { readonly origin: Origin }> {
  const file = await readTensors(path);
  const text = file.metadata.training;
  if (text === undefined) throw new UserError(`${path} holds weights but no training state; it cannot be resumed`);
  const saved = parseMetadata(positionSchema, text, path);
  const trainee = traineeOf(saved.stage ?? 0);
  const { model, optimizer, generator, scaler, totals } = trainee;
  model.loadStateDict(new Map([...file.tensors].filter(([name]) => !isTrainingState(name))));
  for (const [name, tensor] of stateTensors(trainee)) {
    restore(tensor, name);
    tensor.dispose();
  }
  restore(totals, TOTALS);
  optimizer.steps = saved.optimizerSteps;
  if (saved.groups.length !== optimizer.groups.length) {
    throw new UserError(`${path} has ${saved.groups.length} parameter groups, the run ${optimizer.groups.length}`);
  }
  optimizer.groups.forEach((group, i) => Object.assign(group, saved.groups[i]));
  trainee.schedule?.restore(saved.schedule ?? {});
  if (saved.earlyStopping) trainee.earlyStopping?.restore(saved.earlyStopping);
  trainee.average?.restoreSteps(saved.averageSteps ?? 0);
  if (saved.scaler) scaler?.load(saved.scaler, saved.optimizerSteps);
  generator.seed = saved.generator.seed;
  generator.offset = saved.generator.offset;
  return { ...saved, origin: originIn(file.tensors) };

  function restore(into: Tensor, key: string): void {
    const tensor = file.tensors.get(key);
    if (!tensor || tensor.data.length !== into.size) {
      throw new UserError(`${path} holds no ${key} of ${into.size} values; it was written by another optimizer`);
    }
    into.set(tensor.data as Float32Array);
  }
}

function originIn(tensors: ReadonlyMap<string, HostTensor>): Origin {
  const entries = [...tensors].filter(([name]) => name.startsWith(ORIGIN));
  return new Map(
    entries.map(([name, { data }]) => [name.slice(ORIGIN.length), data as Float32Array<ArrayBuffer>] as const),
  );
}

/** What the optimiser and the average keep of each parameter, by the names in a checkpoint; the caller disposes of them. */
function stateTensors({ model, optimizer, average }: Trainee): [name: string, tensor: Tensor][] {
  const nameOf = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
  const averages = average?.state();
  const states = optimizer.state();
  return optimizer.parameters.flatMap((parameter, i) => {
    const name = nameOf.get(parameter)!;
    return [
      ...Object.entries(states[i]!).map(([key, tensor]): [string, Tensor] => [`${OPTIMIZER}${key}.${name}`, tensor]),
      ...(averages ? [[`${AVERAGE}${name}`, averages[i]!] as [string, Tensor]] : []),
    ];
  });
}

/** The weights of a file, without training state, and what the file says of itself where facegrad wrote it. */
export async function loadWeights(
  path: string,
): Promise<{ state: ReadonlyMap<string, HostTensor>; info: WeightsInfo | undefined }> {
  const { tensors, metadata } = await readTensors(path);
  const state = new Map([...tensors].filter(([name]) => !isTrainingState(name)));
  const info = metadata.facegrad === undefined ? undefined : parseMetadata(weightsSchema, metadata.facegrad, path);
  return { state, info };
}

async function readTensors(path: string) {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UserError(`${path}: no such file`);
    throw error;
  }
  try {
    return decodeSafeTensors(bytes);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${path}: ${error.message}`);
    throw error;
  }
}

function parseMetadata<T>(schema: z.ZodType<T>, text: string, path: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(`${path}: its metadata is not what facegrad writes (${(error as Error).message})`);
  }
}
