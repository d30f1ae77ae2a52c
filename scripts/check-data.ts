// Counts what the label rules keep of a user's own FER-2013 and FER+ files and compares it with the published numbers:
//
//     npm run check:data -- <folder with fer2013.csv or fer2013.csv.gz, and fer2013new.csv>
//
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Split, SplitName } from '../dist/data/dataset.js';
import { loadDataSet } from '../dist/data/load.js';
import type { LoadOptions } from '../dist/data/options.js';

const SPLITS = ['train', 'val', 'test'] as const satisfies readonly SplitName[];

interface Expected {
  readonly what: string;
  readonly options: LoadOptions;
  /** Images of train, val and test. */
  readonly counts: readonly number[];
}

type Report = (what: string, found: readonly number[], expected: readonly number[]) => void;

/** FER-2013's counts are those of its CSV file; FER+'s those that each rule keeps of fer2013new.csv. */
const EXPECTED: readonly Expected[] = [
  { what: 'FER-2013', options: { dataset: 'fer2013' }, counts: [28709, 3589, 3589] },
  { what: 'FER+ majority', options: { labelRule: 'majority' }, counts: [25060, 3199, 3153] },
  { what: 'FER+ argmax8', options: { labelRule: 'argmax8' }, counts: [28389, 3553, 3546] },
  { what: 'FER+ argmax10', options: { labelRule: 'argmax10' }, counts: [28561, 3579, 3574] },
  { what: 'FER+ distribution', options: { labelRule: 'distribution' }, counts: [28389, 3553, 3546] },
  { what: 'FER+ sampled', options: { labelRule: 'sampled' }, counts: [28389, 3553, 3546] },
];
/** Images of FER-2013's classes, all splits together, in the order of their ids. */
const CLASSES = [4953, 547, 5121, 8989, 6077, 4002, 6198];

const [folder] = process.argv.slice(2);
const pixels = ['fer2013.csv', 'fer2013.csv.gz', 'icml_face_data.csv']
  .map(name => join(folder ?? '', name))
  .find(file => existsSync(file));
const votes = join(folder ?? '', 'fer2013new.csv');
if (folder === undefined || pixels === undefined || !existsSync(votes)) {
  console.error('usage: npm run check:data -- <folder with fer2013.csv (or .csv.gz) and fer2013new.csv>');
  process.exitCode = 2;
} else {
  process.exitCode = (await check(pixels, votes)) ? 0 : 1;
}

/** Prints a line for each rule; false where a count differs. */
async function check(pixels: string, votes: string): Promise<boolean> {
  let right = true;
  const report: Report = (what, found, expected) => {
    const same = found.join() === expected.join();
    right &&= same;
    const show = (counts: readonly number[]) => counts.map(count => count.toLocaleString('en')).join(' / ');
    console.log(`${same ? 'ok  ' : 'FAIL'} ${what}: ${show(found)}${same ? '' : `, expected ${show(expected)}`}`);
  };
  for (const { what, options, counts } of EXPECTED) {
    const labels = options.dataset === undefined ? { labels: votes } : {};
    const { splits, classes } = await loadDataSet(pixels, { ...options, ...labels });
    const found = SPLITS.map(name => splits[name].count);
    report(what, found, counts);
    for (const name of SPLITS) checkTargets(splits[name], classes.length, `${what}, ${name}`, report);
    if (options.dataset === 'fer2013') {
      const ofClass = (id: number) =>
        SPLITS.reduce((sum, name) => sum + splits[name].labels.filter(label => label === id).length, 0);
      report(
        'FER-2013 by class',
        classes.map((_, id) => ofClass(id)),
        CLASSES,
      );
    }
  }
  return right;
}

/** Soft targets are probabilities, and the label is the first of the largest. */
function checkTargets({ targets, labels }: Split, classes: number, what: string, report: Report): void {
  if (!targets) return;
  let wrong = 0;
  labels.forEach((label, i) => {
    const row = targets.subarray(i * classes, (i + 1) * classes);
    const sum = row.reduce((total, share) => total + share, 0);
    if (Math.abs(sum - 1) > 1e-5 || row.indexOf(Math.max(...row)) !== label) wrong++;
  });
  if (wrong > 0) report(`${what}: targets that are not probabilities with their largest at the label`, [wrong], [0]);
}
