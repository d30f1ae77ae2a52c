import { Command } from 'commander';
import { distance } from 'fastest-levenshtein';
import type { BenchListener } from '../bench/bench.js';
import type { BenchCase } from '../bench/cases/index.js';
import type { PeerName } from '../bench/contestants/registry.js';
import type { Precision } from '../gpu/matrices.js';
import { UserError } from '../util/errors.js';
import { exitCodes } from './errors.js';
import { addGpuOptions, number, precisionOption, type GpuOptions } from './options.js';
import { requireFolder } from './require-folder.js';
import { Interruption } from './signals.js';
import { StatusLine } from './status-line.js';
import { suggestion } from './suggest.js';

interface Flags extends GpuOptions {
  filter: string;
  all?: true;
  list?: true;
  budget: number;
  /** False after --no-peers, true where --peers names none. */
  peers?: boolean | string;
  subgroups: boolean;
  precision?: Precision;
  json?: true | string;
}

export function benchCommand(exitWith: (code: number) => void): Command {
  const command = new Command('bench')
    .summary('time kernels, training steps, inference and start')
    .description(
      'Time kernels, training steps, inference and start, each after a check of its results; in a clone with ' +
        '`npm run bench:peers` also other engines, in turns. A sample is a launch, a batch or a command; shown are their ' +
        'median, and the range of their middle half over the median (spread).',
    )
    .option('--filter <text>', 'only cases whose name contains this', '')
    .option('--all', 'also cases that are left out unless they are named: further shapes, and what takes minutes')
    .option('--list', 'print the names of the cases and time nothing')
    .option(
      '--budget <seconds>',
      'samples of one case, shared by its contestants; each gets at least two',
      number('above 0', value => value > 0),
      10,
    )
    .option('--peers [names]', 'others to time, between commas (default: all that are installed)')
    .option('--no-peers', 'time facegrad alone')
    .option('--no-subgroups', 'time the portable kernels')
    .addOption(precisionOption())
    .option(
      '--json [file]',
      'an array of results, in the file or on standard output, the table then on standard error',
    );
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad bench --filter conv2d
  facegrad bench --no-peers --budget 3 --json figures.json
  facegrad bench --list --all`,
  );
  return command.action(async (flags: Flags) => {
    exitWith(await runBench(flags));
  });
}

/** Gives the exit code: a failure where a result was wrong. */
async function runBench(flags: Flags): Promise<number> {
  const { adapter, backend, subgroups, precision, budget, json } = flags;
  const { Bench } = await import('../bench/bench.js');
  const { cases, leftOut } = await import('../bench/cases/index.js');
  const { caseLines, tableHead, tableRows } = await import('./report/bench.js');
  const matching = cases.filter(({ name }) => name.includes(flags.filter));
  if (matching.length === 0) throw new UserError(noCase(flags.filter, cases));
  if (flags.list) {
    // As on a processor, where most is left out.
    console.log(caseLines(matching, bench => leftOut(bench, true)).join('\n'));
    return exitCodes.success;
  }
  const peers = await choosePeers(flags.peers);
  if (typeof json === 'string') await requireFolder(json);
  const status = new StatusLine();
  const print = json === true ? console.error : console.log;
  const say = (lines: readonly string[]) => {
    status.clear();
    if (lines.length > 0) print(lines.join('\n'));
  };
  let done = 0;
  let count = 1;
  const listener: BenchListener = {
    start: (name, chosen) => {
      count = chosen.length;
      say([`adapter: ${name}${subgroups ? '' : ', without subgroups'}`]);
      const left = matching.length - chosen.length;
      if (left > 0)
        say([`left out: ${left} ${left === 1 ? 'case' : 'cases'}; --list says which and why, --all runs them`]);
      say(['', ...tableHead()]);
    },
    begin: ({ name }) => {
      status.update(name, done / count);
    },
    result: (_, result) => {
      done++;
      say(tableRows(result));
    },
    note: text => {
      status.clear();
      console.error(text);
    },
  };
  const interruption = new Interruption(() => {
    status.clear();
    console.error('stopping; what has been timed stands');
  });
  const { signal } = interruption;
  const bench = new Bench({ adapter, backend, subgroups, precision, budget, peers, signal }, listener);
  const { results, failures } = await bench
    .run(reason => choose(matching, flags.all ?? false, reason))
    .finally(() => {
      interruption.dispose();
    });
  if (json !== undefined) {
    const text = JSON.stringify(results, null, 2);
    if (json === true) {
      console.log(text);
    } else {
      const { writeFileAtomic } = await import('../train/files.js');
      await writeFileAtomic(json, `${text}\n`);
    }
  }
  return interruption.exitCode ?? (failures > 0 ? exitCodes.failure : exitCodes.success);
}

/** Those that are run without being asked for; all, where a filter finds only others. */
function choose(
  matching: readonly BenchCase[],
  all: boolean,
  reason: (bench: BenchCase) => string | undefined,
): readonly BenchCase[] {
  const usual = matching.filter(bench => reason(bench) === undefined);
  return all || usual.length === 0 ? matching : usual;
}

async function choosePeers(chosen: boolean | string = true): Promise<readonly PeerName[]> {
  const { peerNames } = await import('../bench/contestants/registry.js');
  if (chosen === false) return [];
  if (chosen === true) return peerNames;
  return chosen.split(',').map(name => {
    const found = peerNames.find(peer => peer === name);
    if (found === undefined) throw new UserError(`no peer is called '${name}': ${suggestion(name, peerNames)}`);
    return found;
  });
}

const NEAREST = 5;

/** With the names that begin most like the filter, before or after their `/`. */
function noCase(filter: string, cases: readonly BenchCase[]): string {
  const given = filter.toLowerCase();
  const beginning = (name: string) => distance(given, name.slice(0, given.length));
  const ranked = cases.map(({ name }) => ({
    name,
    distance: Math.min(beginning(name), beginning(name.slice(name.indexOf('/') + 1))),
  }));
  ranked.sort((a, b) => a.distance - b.distance);
  const nearest = ranked.slice(0, NEAREST).map(({ name }) => name);
  return `no case has '${filter}' in its name; nearest are ${nearest.join(', ')} (--list shows all)`;
}
