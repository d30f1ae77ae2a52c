import { join } from 'node:path';
import { Command, Option } from 'commander';
import { SPLIT_NAMES, type SplitName } from '../data/dataset.js';
import type { RunMaterial } from '../evaluate/report/material.js';
import type { Trained } from '../evaluate/trained.js';
import { UserError } from '../util/errors.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from './data-options.js';
import {
  addGpuOptions,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  oneOf,
  type GpuOptions,
} from './options.js';
import { StatusLine } from './status-line.js';

// Of src/evaluate/explain, which is not loaded for a help text; a test compares them.
export const reportMethods = ['grad-cam', 'grad-cam++', 'smooth-grad', 'none'] as const;
const embeddings = ['tsne', 'umap', 'none'] as const;

interface Flags extends GpuOptions, DataFlags {
  out?: string;
  data?: string;
  exclude?: string;
  split: SplitName;
  batchSize: number;
  method: (typeof reportMethods)[number];
  layer?: string;
  examples: number;
  embedding: (typeof embeddings)[number];
  points: number;
  resamples: number;
  votes?: string;
  json?: true;
}

export function reportCommand(): Command {
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
    .addOption(
      new Option('--method <name>', 'how to show what a network looks at')
        .choices(reportMethods)
        .argParser(oneOf(reportMethods))
        .default('grad-cam'),
    )
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
Examples:
  facegrad report runs/mini-resnet
  facegrad report runs/a runs/b --split val --out comparison
  facegrad report runs/a --method grad-cam++ --layer layer2 --embedding umap`,
  );
  return command.action(runReport);
}

async function runReport(runs: string[], flags: Flags): Promise<void> {
  const { readTrainedRun } = await import('../evaluate/trained.js');
  const networks: Trained[] = [];
  // All are looked at before the first is evaluated.
  for (const run of runs) networks.push(await readTrainedRun(run));
  const { gatherMaterial } = await import('../evaluate/report/material.js');
  const { makeReport, writeReport } = await import('../evaluate/report/report.js');
  const { readVotes } = await import('../data/labels/votes.js');
  const status = new StatusLine();
  const materials: RunMaterial[] = [];
  try {
    for (const network of networks) {
      const { data, options } = await loadFor(network, flags);
      const votes = flags.votes ?? options.labels;
      materials.push(
        await gatherMaterial(network, data, {
          ...{ split: flags.split, batchSize: flags.batchSize, adapter: flags.adapter, backend: flags.backend },
          assess: {
            bootstrap: { resamples: flags.resamples },
            votes: votes === undefined ? undefined : await readVotes(votes, data, flags.split),
          },
          method: flags.method === 'none' ? undefined : flags.method,
          ...{ layer: flags.layer, examples: flags.examples, points: flags.points },
          embedding: flags.embedding === 'none' ? undefined : flags.embedding,
          onProgress: (fraction, text) => {
            status.update(`${network.run!.path}: ${text}`, fraction);
          },
        }),
      );
    }
    status.update('drawing', 1);
    const report = await makeReport(materials, { resamples: flags.resamples });
    const out = flags.out ?? (runs.length === 1 ? join(runs[0]!, 'report') : 'report');
    const page = await writeReport(out, report, materials);
    status.clear();
    for (const { name, missing } of materials) {
      for (const reason of missing) console.error(`facegrad: ${name}: left out: ${reason}`);
    }
    const figures = report.figures.map(({ name }) => name);
    console.log(
      flags.json
        ? JSON.stringify({ page, figures, runs })
        : `${page}\n${figures.length} figures as .svg and .png in ${join(out, 'figures')}`,
    );
  } finally {
    status.clear();
  }
}

async function loadFor(network: Trained, flags: Flags) {
  const { loadOptionsFor } = await import('../evaluate/trained.js');
  const { loadDataVisibly } = await import('./load-data.js');
  const { matchClasses } = await import('../evaluate/classes.js');
  const own = network.run!.config.options;
  const options = { ...(flags.data === undefined ? await dataFlagsOf(own) : {}), ...(await dataFlagsOf(flags)) };
  const source = flags.data ?? own.data;
  const data = await loadDataVisibly(source, flags.exclude, { ...loadOptionsFor(network), ...options });
  if (data.splits[flags.split].count === 0) throw new UserError(`${data.name} has no ${flags.split} images`);
  matchClasses(undefined, network.known?.classes, data.classes);
  return { data, options };
}
