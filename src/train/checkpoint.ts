import { open, type FileHandle } from 'node:fs/promises';
import * as z from 'zod';
import type { HostTensor, SafeTensors } from '../interop/safetensors.js';
import type { StateEntry } from '../nn/index.js';
import type { Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { isPathError } from '../util/path-errors.js';
import { writeFileAtomic } from './files.js';
import type { Origin } from './l2-sp.js';
import { modelOptionsShape } from './model.js';
import { positionSchema, type Place, type Position } from './position.js';
import { DamagedFile, encodeTensorFile, readTensorFile } from './tensor-file.js';
import type { Trainee } from './trainee.js';
import { canonicalNames } from './weights/names.js';
import { readWeightsFile } from './weights/read.js';
import { asFloat32 } from './weights/values.js';

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
  /** Of the images that the network was trained on, before anything was cut from them. */
  images: z
    .object({ channels: z.int().positive(), height: z.int().positive(), width: z.int().positive() })
    .exactOptional(),
  epoch: z.int(),
});

export type WeightsInfo = z.infer<typeof weightsSchema>;

/** What a checkpoint keeps as JSON: the position, and what of the trainee is no tensor. */
const trainingSchema = positionSchema.extend({
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
});

const OPTIMIZER = 'optimizer.';
const AVERAGE = 'ema.';
const ORIGIN = 'l2_sp.start.';
const TOTALS = 'train.totals';

/** The names under which a training checkpoint keeps more than weights. */
export const isTrainingState = (name: string) =>
  [OPTIMIZER, AVERAGE, ORIGIN].some(prefix => name.startsWith(prefix)) || name === TOTALS;

/** Writes weights alone; `mayAppear` as of `writeFileAtomic`. */
export async function saveWeights(
  path: string,
  state: ReadonlyMap<string, StateEntry>,
  info: WeightsInfo,
  mayAppear?: () => Promise<void>,
): Promise<void> {
  const metadata = { facegrad: JSON.stringify(info) };
  await writeFileAtomic(path, encodeTensorFile({ tensors: new Map(state), metadata }), mayAppear);
}

/** The bytes of a checkpoint: all that a resumed run needs to go on as if it had never stopped. */
export interface Checkpoint {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The first tensor with a value that is not finite, in words: a state that is not worth going on from. */
  readonly bad: string | undefined;
}

/** Reads the trainee back from the GPU. */
export async function takeCheckpoint(trainee: Trainee, position: Position, info: WeightsInfo): Promise<Checkpoint> {
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
  const training: z.infer<typeof trainingSchema> = {
    ...position,
    generator: { seed: generator.seed, offset: generator.offset },
    optimizerSteps: [...optimizer.steps],
    groups: optimizer.groups.map(({ lr, momentum }) => ({ lr, momentum })),
    ...(trainee.schedule ? { schedule: trainee.schedule.state() } : {}),
    ...(trainee.earlyStopping ? { earlyStopping: trainee.earlyStopping.state() } : {}),
    ...(trainee.average ? { averageSteps: await trainee.average.steps() } : {}),
    ...(scaling ? { scaler: scaling } : {}),
  };
  const metadata = { facegrad: JSON.stringify(info), training: JSON.stringify(training) };
  const bad = [...tensors].find(([, { dtype, data }]) => dtype === 'F32' && !isFinite(data as Float32Array));
  return { bytes: encodeTensorFile({ tensors, metadata }), bad: bad?.[0] };
}

function isFinite(values: Float32Array): boolean {
  return values.every(value => Number.isFinite(value));
}

/**
 * Puts a saved state back into the trainee of its stage, which `traineeOf` gives, and tells where the run stood and what its
 * parameters are pulled to, which is the caller's to arrange. Bits are as they were.
 * @throws DamagedFile, before anything is put back, where the file is not as it was written
 */
export async function loadCheckpoint(
  path: string,
  traineeOf: (stage: number) => Trainee,
): Promise<Position & { readonly origin: Origin }> {
  const file = await readTensorFile(path);
  const text = file.metadata.training;
  if (text === undefined) throw new UserError(`${path} holds weights but no training state; it cannot be resumed`);
  const saved = parseMetadata(trainingSchema, text, path);
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

/**
 * Where the run stood that wrote a checkpoint, from the file's header alone.
 * @throws DamagedFile where that cannot be told
 */
export async function readPlace(path: string): Promise<Place> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const length = Buffer.alloc(8);
    await file.read(length, 0, 8, 0);
    const { size } = await file.stat();
    // The length itself may be what is damaged.
    const header = Buffer.alloc(Math.min(Number(length.readBigUInt64LE()), size));
    await file.read(header, 0, header.length, 8);
    const { __metadata__: metadata } = JSON.parse(header.toString()) as { __metadata__: { training: string } };
    return positionSchema.pick({ epochs: true, step: true, branch: true }).parse(JSON.parse(metadata.training));
  } catch (error) {
    if (isPathError(error))
      throw new UserError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    throw new DamagedFile(`${path}: its header is damaged (${(error as Error).message.split('\n')[0]!})`);
  } finally {
    await file?.close();
  }
}

/**
 * The weights of a safetensors file or one of torch.save, as float32, under our names and without training state, and what the
 * file says of itself where facegrad wrote it.
 * @throws UserError where the file cannot be read; DamagedFile where it is a damaged one of safetensors
 */
export async function loadWeights(
  path: string,
): Promise<{ state: ReadonlyMap<string, HostTensor>; info: WeightsInfo | undefined }> {
  const { tensors, metadata } = await readWeightsFile(path);
  const weights = new Map([...tensors].filter(([name]) => !isTrainingState(name)));
  const state = asFloat32(canonicalNames(weights), path);
  return { state, info: infoOf({ metadata }, path) };
}

/** What a file of weights that facegrad wrote says of itself; undefined where it is from elsewhere. */
export function infoOf({ metadata }: Pick<SafeTensors, 'metadata'>, path: string): WeightsInfo | undefined {
  return metadata.facegrad === undefined ? undefined : parseMetadata(weightsSchema, metadata.facegrad, path);
}

function parseMetadata<T>(schema: z.ZodType<T>, text: string, path: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(`${path}: its metadata is not what facegrad writes (${(error as Error).message})`);
  }
}
