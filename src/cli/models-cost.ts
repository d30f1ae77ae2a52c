import type { DataSet } from '../data/dataset.js';
import { UserError } from '../util/errors.js';
import type { GpuOptions } from './options.js';
import type { CostRow } from './report/cost.js';
import { StatusLine } from './status-line.js';

export interface CostFlags extends GpuOptions {
  inputSize?: number;
  classes?: number;
  cost?: true;
  measure?: true;
  data?: string;
  batchSize?: number;
  json?: true;
  csv?: true;
}

/** Seconds for which training, and inference, of a network are measured. */
const SECONDS = 3;
const BATCH_SIZE = 64;

/** `facegrad models --cost`: what networks cost, and with `--measure` how fast they are. */
export async function printCosts(names: readonly string[], flags: CostFlags): Promise<void> {
  if (flags.json && flags.csv) throw new UserError('--json and --csv print the same table in two forms: choose one');
  for (const [key, flag] of [
    ['batchSize', '--batch-size'],
    ['adapter', '--adapter'],
    ['backend', '--backend'],
  ] as const) {
    if (flags[key] !== undefined && !flags.measure) throw new UserError(`${flag} is of --measure`);
  }
  const { findModel } = await import('./find-model.js');
  const { modelRegistry } = await import('../nn/index.js');
  const chosen = names.length > 0 ? names : Object.keys(modelRegistry);
  const size = flags.inputSize === undefined ? {} : { inputSize: flags.inputSize };
  const choices = chosen.map(model => ({ model, ...size }));
  for (const choice of choices) findModel(choice);
  const data = flags.data === undefined ? undefined : await load(flags.data);
  const classes = flags.classes ?? data?.classes.length;
  const of = { ...(classes === undefined ? {} : { classes }), ...(data ? { channels: data.channels } : {}) };

  const { openDevice } = await import('../gpu/node.js');
  const { setDefaultDevice } = await import('../tensor/index.js');
  const { costOf, measureSpeed, secondsPerEpoch } = await import('../evaluate/cost.js');
  const { costCsv, costTable } = await import('./report/cost.js');
  // Without figures of speed only shapes matter: Dawn's null backend runs nothing and needs no driver.
  const device = await openDevice(
    flags.measure ? { adapter: flags.adapter, backend: flags.backend } : { backend: 'null' },
  );
  setDefaultDevice(device);
  const status = new StatusLine();
  try {
    const rows: CostRow[] = [];
    for (const [i, choice] of choices.entries()) {
      const cost = costOf(choice, of);
      if (!flags.measure) {
        rows.push(cost);
        continue;
      }
      const speed = await measureSpeed(device, {
        ...choice,
        ...{ classes: cost.classes, channels: cost.input[0] },
        ...{ batchSize: flags.batchSize ?? BATCH_SIZE, seconds: SECONDS },
        onProgress: mode => {
          const what = mode === 'train' ? 'training' : 'inference';
          status.update(`timing ${what} of ${choice.model}`, (i + (mode === 'train' ? 0 : 0.5)) / choices.length);
        },
      });
      const images = data && { train: data.splits.train.count, val: data.splits.val.count };
      rows.push({ ...cost, speed, ...(images ? { secondsPerEpoch: secondsPerEpoch(speed, images) } : {}) });
    }
    status.clear();
    if (flags.json) console.log(JSON.stringify(rows));
    else if (flags.csv) process.stdout.write(costCsv(rows));
    else console.log(costTable(rows).join('\n'));
  } finally {
    status.clear();
    device.destroy();
  }
}

async function load(path: string): Promise<DataSet> {
  const { loadDataVisibly } = await import('./load-data.js');
  return loadDataVisibly(path);
}
