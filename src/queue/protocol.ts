import { createHash } from 'node:crypto';
import * as z from 'zod';
import { splitResultSchema } from '../evaluate/experiments/index.js';
import { optionsShape } from '../train/options.js';
import { epochRowSchema } from '../train/position.js';
import { aboutSchema } from '../train/recipes/index.js';
import { UserError } from '../util/errors.js';

/** What those who enqueue and those who work say to each other, in Redis, as JSON. */

/** Of all that follows: raised with every change of it, so that no two versions misunderstand each other. */
export const PROTOCOL = 1;

const text = z.string().min(1);

/** A path in the store, from its folder, with slashes, that leads nowhere else. */
const storePath = text.max(4096).refine(isInside, 'it is not a path in the store');

/** Bytes of a name that every file system takes. */
const LONGEST_NAME = 255;

function isInside(path: string): boolean {
  return !/[\\\0]/.test(path) && path.split('/').every(isName);
}

function isName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= LONGEST_NAME;
}

/** A file or folder of data: its name, and its path in the store where it lies there. */
const dataFile = z.strictObject({
  name: text.max(255).refine(name => isInside(name) && !name.includes('/'), 'it is not the name of a file'),
  stored: storePath.exactOptional(),
});

export type DataFile = z.infer<typeof dataFile>;

/** The options of a run that are paths of data. */
export const DATA_PLACES = ['data', 'labels', 'exclude', 'joint.data', 'joint.labels', 'joint.exclude'] as const;

export type DataPlace = (typeof DATA_PLACES)[number];

const dataFiles = z.partialRecord(z.enum(DATA_PLACES), dataFile);

export type DataFiles = z.infer<typeof dataFiles>;

/** What tells data from other data, whatever their paths; folds are drawn from them afterwards. */
const dataIdentity = z.strictObject({ title: z.string(), fingerprint: text });

/** What a worker needs for the jobs of a lane. */
const laneSchema = z.strictObject({
  protocol: z.literal(PROTOCOL),
  /** Version of facegrad: another might compute other results. */
  facegrad: text,
  /** Identity of the shared folder (store.ts). */
  store: text,
  data: dataIdentity,
  files: dataFiles,
});

export type Lane = z.infer<typeof laneSchema>;

/** A run that a worker trains. */
const taskSchema = z.strictObject({
  protocol: z.literal(PROTOCOL),
  facegrad: text,
  /** For people: `trial 3 of study mine`. */
  title: text,
  /** The run's folder. */
  run: storePath,
  /** As `config.json` has them, but that paths are names only: `files` and `init` say more. */
  options: z.strictObject(optionsShape),
  data: dataIdentity,
  files: dataFiles,
  /** Weights that the run begins from. */
  init: storePath.exactOptional(),
  /** For the head of `recipe.yaml`. */
  comment: z.string(),
  about: aboutSchema.exactOptional(),
  /** Whether the run looks at the test split. */
  test: z.boolean(),
  /** Whether its best weights are evaluated at the end, on validation and test images. */
  evaluate: z.boolean(),
  autotune: z.boolean().exactOptional(),
  tensorboard: z.boolean().exactOptional(),
});

export type Task = z.infer<typeof taskSchema>;

const count = z.int().nonnegative();

export const rowSchema = z.strictObject({ ...epochRowSchema.shape, epoch: z.int().positive() });

/** What came of a job. */
const outcomeSchema = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('complete'),
    rows: z.array(rowSchema),
    evaluation: z.strictObject({ val: splitResultSchema, test: splitResultSchema.exactOptional() }).exactOptional(),
  }),
  /** It was told to stop. */
  z.strictObject({ outcome: z.literal('stopped') }),
  /** The run went wrong, as it would have anywhere. `usage`: by what was asked for, not by the program. */
  z.strictObject({ outcome: z.literal('failed'), error: text, usage: z.boolean() }),
]);

export type Outcome = z.infer<typeof outcomeSchema>;

/** What a worker tells of itself about once a second. */
const workerSchema = z.object({
  protocol: z.int(),
  facegrad: text,
  id: text,
  host: text,
  pid: count,
  adapter: text,
  /** What it trains, if anything. */
  job: z
    .object({
      lane: text,
      id: text,
      title: text,
      progress: z
        .object({
          epoch: count,
          epochs: count,
          step: count,
          steps: count,
          loss: z.number(),
          accuracy: z.number(),
          imagesPerSecond: z.number(),
        })
        .optional(),
    })
    .optional(),
  /** Why it leaves the jobs of lanes alone, by lane. */
  refused: z.record(z.string(), z.string()),
});

export type WorkerStatus = z.infer<typeof workerSchema>;

/** The process that enqueues. */
const enqueuerSchema = z.object({ host: text, pid: count, start: text, token: text });

export type EnqueuerStatus = z.infer<typeof enqueuerSchema>;

/** The name of a lane: the same for all who need the same. */
export function laneId(lane: Lane): string {
  return createHash('sha256').update(canonical(lane)).digest('hex').slice(0, 16);
}

/**
 * @throws {UserError} for one of another protocol or version, which says whose it is, and for what is none
 */
export function parseLane(json: string, version: string): Lane {
  return parseAs(laneSchema, json, version, 'what these jobs need');
}

/** @throws {UserError} likewise */
export function parseTask(data: unknown, version: string): Task {
  requireVersion(data, version);
  return checked(taskSchema, data, 'a job');
}

/** @throws {UserError} where it is none */
export function parseOutcome(data: unknown): Outcome {
  return checked(outcomeSchema, data, 'what came of a job');
}

/** Undefined where it is none. */
export function parseWorker(json: string | null): WorkerStatus | undefined {
  return attempt(workerSchema, json);
}

/** Undefined where it is none. */
export function parseEnqueuer(json: string | null): EnqueuerStatus | undefined {
  return attempt(enqueuerSchema, json);
}

const versioned = z.object({ protocol: z.number(), facegrad: z.string() });

/** Asked of anything before its fields are looked at: those of another version may be others. */
function requireVersion(data: unknown, version: string): void {
  const { success, data: said } = versioned.safeParse(data);
  if (!success || (said.protocol === PROTOCOL && said.facegrad === version)) return;
  const protocols = said.protocol === PROTOCOL ? '' : ` (protocol ${said.protocol}, here ${PROTOCOL})`;
  throw new UserError(
    `the jobs were enqueued by facegrad ${said.facegrad}, and this worker is ${version}${protocols}: install the same version on both`,
  );
}

function parseAs<T>(schema: z.ZodType<T>, json: string, version: string, what: string): T {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch {
    throw new UserError(`${what} is not JSON`);
  }
  requireVersion(data, version);
  return checked(schema, data, what);
}

function checked<T>(schema: z.ZodType<T>, data: unknown, what: string): T {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const faults = result.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join('.') || 'all of it'}: ${message}`);
  throw new UserError(`${what} is not as protocol ${PROTOCOL} has it: ${faults.join('; ')}`);
}

function attempt<T>(schema: z.ZodType<T>, json: string | null): T | undefined {
  try {
    return json === null ? undefined : schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
