import { UserError } from '../util/errors.js';
import { checkpointKeys, requireSaves } from './checkpoint-options.js';
import { logKeys } from './log-options.js';
import type { RunConfig } from './run.js';
import type { TrainOptions } from './types.js';

/** What runs did before there was an option for it. */
const formerly: Partial<TrainOptions> = { sampler: 'shuffle', classWeights: 'none', precision: 'f32' };

/**
 * The options of a resumed run: those of its `config.json`, with what was `given` on top.
 * @throws UserError where a given option differs from the run's own; only `epochs` may, upwards, when it saves its state,
 * what it tells TensorBoard, and `data`, `labels`, `exclude`, and with `jointData` the path of the second data set, because
 * files may have moved (the caller compares fingerprints).
 */
export function resumedOptions(
  config: RunConfig,
  given: Partial<TrainOptions>,
  { jointData }: { jointData?: string | undefined } = {},
): TrainOptions {
  const stored: TrainOptions = { ...formerly, ...config.options };
  if (jointData !== undefined && !stored.joint) {
    throw new UserError(
      `--joint-data ${jointData}: a resumed run keeps its options, and it was begun with no second data set`,
    );
  }
  for (const key of Object.keys(given) as (keyof TrainOptions)[]) {
    if (key === 'data' || key === 'labels' || key === 'exclude' || key === 'epochs') continue;
    if ([...checkpointKeys, ...logKeys].some(one => one === key)) continue;
    if (JSON.stringify(given[key]) === JSON.stringify(stored[key])) continue;
    const had = stored[key] === undefined ? `no ${optionName(key)}` : `${optionName(key)} ${show(stored[key])}`;
    throw new UserError(
      `a resumed run keeps its options: it was begun with ${had}, not ${show(given[key])}; ` +
        `leave the option out, or begin a new run`,
    );
  }
  if (given.epochs !== undefined && given.epochs < stored.epochs) {
    throw new UserError(`--epochs ${given.epochs}: the run was begun with ${stored.epochs}, which can only be raised`);
  }
  if (given.epochs !== undefined && given.epochs > stored.epochs && stored.stages) {
    throw new UserError(`--epochs ${given.epochs}: the run ends with the last of its stages, after ${stored.epochs}`);
  }
  requireSaves({ ...stored, ...given });
  const moved = jointData !== undefined && stored.joint ? { joint: { ...stored.joint, data: jointData } } : {};
  return { ...config.options, ...given, ...moved };
}

/**
 * Refuses data that are not those of the run.
 * @throws UserError
 */
export function requireSameData(config: RunConfig, fingerprint: string, data: string): void {
  if (fingerprint === config.data.fingerprint) return;
  throw new UserError(
    `--data ${data} is not what the run was trained on (${config.options.data}): ` +
      `fingerprint ${fingerprint}, the run's is ${config.data.fingerprint}`,
  );
}

function show(value: TrainOptions[keyof TrainOptions]): string {
  return typeof value === 'object' && !(Array.isArray(value) && value.every(one => typeof one !== 'object'))
    ? JSON.stringify(value)
    : String(value);
}

function optionName(key: keyof TrainOptions): string {
  return key === 'model' ? 'model' : `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}
