import { join } from 'node:path';
import { Command, Option } from 'commander';
import { SPLIT_NAMES, type DataSet, type SplitName } from '../data/dataset.js';
import type { DataOptions } from '../data/options.js';
import type { RunMaterial } from '../evaluate/report/material.js';
import type { FailedRun } from '../evaluate/report/report.js';
import type { Trained } from '../evaluate/trained.js';
import { UserError } from '../util/errors.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from './data-options.js';
import { exitCodes, reportError } from './errors.js';
import { explanationMethods, methodOption, requireLayered } from './explain-options.js';
import {
  addGpuOptions,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  oneOf,
  type GpuOptions,
} from './options.js';
import { requireOutFolder } from './require-folder.js';
import { StatusLine } from './status-line.js';
import { packageVersion } from './version.js';

const methods = [...explanationMethods, 'none'] as const;
const embeddings = ['tsne', 'umap', 'none'] as const;

interface Flags extends GpuOptions, DataFlags {
  out?: string;
  data?: string;
  exclude?: string;
  split: SplitName;
  batchSize: number;
  method: (typeof methods)[number];
  layer?: string;
  examples: number;
  embedding: (typeof embeddings)[number];
  points: number;
  resamples: number;
  votes?: string;
  json?: true;
}

export function reportCommand(exitWith: (code: number) => void): Command {
  const command = new Command('report')
    .summary('write a report of runs as one HTML page')
    .description(
      'Evaluate runs and write one self-contained HTML page: scores with intervals, curves, confusion matrix, mistakes, ' +
        'what the network looks at, embedding, cost. Several runs are compared side by side. The figures also come as SVG ' +
        'and PNG.',
    )
    .argument('<runs...>', 'run folders')
    .option('--out <folder>', 'where report.html and figures/ go (default: <run>/report, of several runs: report)')
    .option('--data <path>', `${dataDescription} (default: each run's own)`)
    .addOption(excludeOption())
    .addOption(
      new Option('--split <name>', 'which images').choices(SPLIT_NAMES).argParser(oneOf(SPLIT_NAMES)).default('test'),
    )
    .addOption(methodOption('how to show what a network looks at', methods).default('grad-cam'))
    .option('--layer <name>', 'whose activations are shown (default: the last convolutional block)')
    .option('--examples <n>', 'surest right and surest wrong images of each class that are shown', integer(1, 16), 4)
    .addOption(
      new Option('--embedding <name>', 'how features are brought to the plane')
        .choices(embeddings)
        .argParser(oneOf(embeddings))
        .default('tsne'),
    )
    .option('--points <n>', 'images of the embedding at most', integer(16, 20_000), 1500)
    .option('--votes <file>', "fer2013new.csv: compare with FER+'s annotators (default: the run's --labels)")
    .option('--resamples <n>', 'of the bootstrap that finds the intervals', integer(100, 100_000), 1000)
    .option('--batch-size <n>', 'images at a time', integer(1, 65_536), 64);
  addDataOptions(command, '--shares').option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Exit codes: 0; 2 for faults in what was asked for; 3 where a run or a layer
could not be shown (the others are, and the page says why).

Examples:
  facegrad report runs/mini-resnet
  facegrad report runs/a runs/b --split val --out comparison
  facegrad report runs/a --method grad-cam++ --layer layer2 --embedding umap`,
  );
  return command.action(async (runs: string[], flags: Flags) => {
    exitWith(await runReport(runs, flags));
  });
}

/** Gives the exit code. */
async function runReport(runs: readonly string[], flags: Flags): Promise<number> {
  requireLayered(flags.layer, flags.method);
  const { makeReport, writeReport } = await import('../evaluate/report/report.js');
  const attempts = new Attempts(runs.length);
  const { readTrainedRun } = await import('../evaluate/trained.js');
  const networks: Trained[] = [];
  // All are looked at before the first is evaluated.
  for (const run of runs) networks.push(...(await attempts.try(run, () => readTrainedRun(run))));
  const out = flags.out ?? (runs.length === 1 ? join(runs[0]!, 'report') : 'report');
  if (networks.length > 0) await requireOutFolder(out);
  const status = new StatusLine();
  const materials: RunMaterial[] = [];
  const load = loader(flags);
  try {
    for (const network of networks) {
      const run = network.run!.path;
      const gathered = await attempts.try(run, () =>
        gather(network, load, flags, (fraction, text) => {
          status.update(`${run}: ${text}`, fraction);
        }).finally(() => {
          // Before a fault is told.
          status.clear();
        }),
      );
      materials.push(...gathered);
    }
    if (materials.length === 0) return attempts.exitCode(0, true);
    status.update('drawing', 1);
    const report = await makeReport(materials, { resamples: flags.resamples }, attempts.failed);
    const page = await writeReport(out, report, materials, attempts.failed);
    status.clear();
    for (const { name, missing, faults } of materials) {
      for (const reason of [...faults, ...missing]) console.error(`facegrad: ${name}: left out: ${reason}`);
    }
    const figures = report.figures.map(({ name }) => name);
    console.log(
      flags.json
        ? JSON.stringify({ page, figures, runs: materials.map(({ name }) => name), failed: attempts.failed })
        : `${page}\n${figures.length} figures as .svg and .png in ${join(out, 'figures')}`,
    );
    const incomplete = materials.some(({ faults }) => faults.length > 0);
    return attempts.exitCode(materials.length, incomplete);
  } finally {
    status.clear();
  }
}

/** Runs of which those that can be are reported, whatever is wrong with the others. */
class Attempts {
  readonly failed: FailedRun[] = [];
  #code: number = exitCodes.success;

  constructor(readonly runs: number) {}

  /**
   * What `make` gives, or nothing where that fails, which is told at once.
   * @throws what `make` throws where there is only this run
   */
  async try<T>(run: string, make: () => Promise<T>): Promise<T[]> {
    try {
      return [await make()];
    } catch (error) {
      if (this.runs === 1) throw error;
      process.stderr.write(`facegrad: ${run} is not in the report:\n`);
      const code = reportError(error, text => process.stderr.write(text));
      if (this.#code !== exitCodes.failure) this.#code = code;
      this.failed.push({ run, reason: error instanceof Error ? error.message : String(error) });
      return [];
    }
  }

  /** What the process ends with where `reported` runs are left and something in them may be `incomplete`. */
  exitCode(reported: number, incomplete: boolean): number {
    const done = reported > 0 && this.#code !== exitCodes.failure;
    if (!done) return this.#code;
    return incomplete || this.failed.length > 0 ? exitCodes.incomplete : exitCodes.success;
  }
}

type Load = (network: Trained) => Promise<{ data: DataSet; options: DataOptions }>;

/** Data sets that are read once where runs that follow each other were trained on the same images. */
function loader(flags: Flags): Load {
  const loaded = new Map<string, DataSet>();
  return async network => {
    const { loadOptionsFor } = await import('../evaluate/trained.js');
    const { loadDataVisibly } = await import('./load-data.js');
    const { matchClasses } = await import('../evaluate/classes.js');
    const own = network.run!.config.options;
    const options = { ...(flags.data === undefined ? await dataFlagsOf(own) : {}), ...(await dataFlagsOf(flags)) };
    const source = flags.data ?? own.data;
    const loadOptions = { ...loadOptionsFor(network), ...options };
    const key = JSON.stringify([source, loadOptions]);
    const data = loaded.get(key) ?? (await loadDataVisibly(source, flags.exclude, loadOptions));
    loaded.clear();
    loaded.set(key, data);
    if (data.splits[flags.split].count === 0) throw new UserError(`${data.name} has no ${flags.split} images`);
    matchClasses(undefined, network.known?.classes, data.classes);
    return { data, options };
  };
}

async function gather(
  network: Trained,
  load: Load,
  flags: Flags,
  onProgress: (fraction: number, text: string) => void,
): Promise<RunMaterial> {
  const { gatherMaterial } = await import('../evaluate/report/material.js');
  const { readVotes } = await import('../data/labels/votes.js');
  const { data, options } = await load(network);
  const votes = flags.votes ?? options.labels;
  return gatherMaterial(network, data, {
    ...{ split: flags.split, batchSize: flags.batchSize, adapter: flags.adapter, backend: flags.backend },
    assess: {
      bootstrap: { resamples: flags.resamples },
      votes: votes === undefined ? undefined : await readVotes(votes, data, flags.split),
    },
    method: flags.method === 'none' ? undefined : flags.method,
    ...{ layer: flags.layer, examples: flags.examples, points: flags.points },
    embedding: flags.embedding === 'none' ? undefined : flags.embedding,
    version: packageVersion(),
    onProgress,
  });
}
