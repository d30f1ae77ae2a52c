/**
 * `npm run torture -- [--short] [--cases kill,…] [--kills n] [--seed n] [--out folder] [--json]`: puts runs through every fault
 * that can be made to happen here, and looks whether each promise of docs/reliability.md held. What was done stands in the
 * folder; begun again with the same, it goes on where it was. Exits with 1 where a promise was not kept.
 */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { openDevice } from '../../src/gpu/node.js';
import { adapterName } from '../../src/train/trainer.js';
import { UserError } from '../../src/util/errors.js';
import { cases } from './cases/index.js';
import { drive, type RoundResult } from './drive.js';
import { Stand } from './stand.js';
import { addTallies, type TortureCase } from './torture.js';

interface Flags {
  short?: true;
  cases?: TortureCase[];
  kills?: number;
  seed: number;
  out: string;
  json?: true;
}

const headSchema = z.strictObject({ seed: z.int(), adapter: z.string(), begun: z.string() });

type Head = z.infer<typeof headSchema>;

const breaches = ['lost', 'different', 'untidy', 'unsaid', 'failed'] as const;

const resultSchema = z.strictObject({
  ...{ case: z.string(), round: z.int(), seconds: z.number() },
  tally: z.object({ faults: z.number() }).catchall(z.number()).exactOptional(),
  broken: z.strictObject({ breach: z.enum(breaches), message: z.string() }).exactOptional(),
});

/** The log in a folder: a line that says what is done, then one for each round. */
class Log {
  private constructor(
    private readonly file: string,
    readonly head: Head,
    readonly results: RoundResult[],
  ) {}

  static async open(folder: string, head: Head): Promise<Log> {
    const file = join(folder, 'log.jsonl');
    const text = await readFile(file, 'utf8').catch(() => '');
    // What was killed in the midst of a line left no end of it.
    const [first, ...rest] = text.split('\n').slice(0, -1);
    if (first === undefined) {
      await mkdir(folder, { recursive: true });
      await writeFile(file, `${JSON.stringify(head)}\n`);
      return new Log(file, head, []);
    }
    const stored = headSchema.parse(JSON.parse(first));
    if (stored.seed !== head.seed || stored.adapter !== head.adapter) {
      throw new UserError(`${file} is of --seed ${stored.seed} on ${stored.adapter}: choose another --out`);
    }
    const results = rest.map(line => resultSchema.parse(JSON.parse(line)));
    await writeFile(file, [first, ...rest, ''].join('\n'));
    return new Log(file, stored, results);
  }

  async add(result: RoundResult): Promise<void> {
    this.results.push(result);
    await appendFile(this.file, `${JSON.stringify(result)}\n`);
  }

  of(name: string): RoundResult[] {
    return this.results.filter(result => result.case === name);
  }

  /** What all of it came to. */
  summary(chosen: readonly TortureCase[]) {
    const perCase = chosen.map(({ name, promise, faults }) => {
      const results = this.of(name);
      const broken = results.flatMap(({ broken, round }) => (broken ? [{ round, ...broken }] : []));
      const { faults: count = 0, ...more } = addTallies(results.map(({ tally = { faults: 1 } }) => tally));
      const seconds = Math.round(results.reduce((sum, result) => sum + result.seconds, 0));
      return { name, promise, faults: { what: faults, count }, rounds: results.length, ...more, seconds, broken };
    });
    const broken = perCase.flatMap(({ broken }) => broken);
    const counts = Object.fromEntries(breaches.map(kind => [kind, broken.filter(one => one.breach === kind).length]));
    return { ...this.head, ended: new Date().toISOString(), ...counts, broken: broken.length, cases: perCase };
  }
}

function amountOf(one: TortureCase, { short, kills }: Flags): number {
  if (one.name === 'kill' && kills !== undefined) return kills;
  return short ? one.short : one.long;
}

async function torture(flags: Flags): Promise<number> {
  const chosen = flags.cases ?? cases;
  const device = await openDevice();
  const adapter = adapterName(device);
  device.destroy();
  const log = await Log.open(flags.out, { seed: flags.seed, adapter, begun: new Date().toISOString() });
  const stand = await Stand.create();
  let kept = false;
  for (const one of chosen) {
    const amount = amountOf(one, flags);
    const done = log.of(one.name);
    let faults = addTallies(done.map(({ tally = { faults: 1 } }) => tally))['faults'] ?? 0;
    console.error(`${one.name}: ${one.promise}`);
    for await (const result of drive(one, stand, { seed: flags.seed, amount, done })) {
      await log.add(result);
      faults += result.tally?.faults ?? 1;
      kept ||= result.broken !== undefined;
      const became = result.broken ? `BROKEN (${result.broken.breach}): ${result.broken.message}` : 'kept';
      const share = `${Math.min(faults, amount)} of ${amount} ${one.faults}`;
      console.error(`  round ${result.round}: ${became}; ${share}, ${result.seconds.toFixed(1)} s`);
    }
  }
  // What broke a promise may be looked at.
  if (!kept) await stand.remove();
  const summary = log.summary(chosen);
  await writeFile(join(flags.out, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  if (flags.json) console.log(JSON.stringify(summary));
  else for (const line of summaryLines(summary)) console.log(line);
  return summary.broken > 0 ? 1 : 0;
}

function summaryLines({
  adapter,
  cases: done,
  broken,
  lost,
}: ReturnType<Log['summary']> & { lost?: number }): string[] {
  const lines = done.map(({ name, faults, rounds, seconds, broken }) => {
    const verdict = broken.length === 0 ? 'kept' : `broken ${broken.length} times`;
    return `${name.padEnd(16)} ${String(faults.count).padStart(5)} ${faults.what.padEnd(18)} ${String(rounds).padStart(5)} rounds ${String(seconds).padStart(6)} s  ${verdict}`;
  });
  return [`adapter: ${adapter}`, ...lines, `${lost ?? 0} runs lost, ${broken} promises broken`];
}

function parseCases(text: string): TortureCase[] {
  return text.split(',').map(name => {
    const found = cases.find(one => one.name === name);
    if (!found)
      throw new InvalidArgumentError(`There is no case ${name}; there are ${cases.map(one => one.name).join(', ')}.`);
    return found;
  });
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It should be a whole number.');
  return Number(text);
}

const program = new Command('torture')
  .description('Puts runs through faults, and looks whether what docs/reliability.md promises holds.')
  .option('--short', 'as the test suite does it')
  .option('--cases <names>', 'only these, between commas', parseCases)
  .option('--kills <n>', 'how many times kill -9 happens', parseCount)
  .option('--seed <n>', 'of what is drawn', parseCount, 1)
  .option('--out <folder>', 'log and summary; one that was begun with the same seed is gone on with', 'runs/torture')
  .option('--json', 'print the summary as JSON')
  .exitOverride()
  .action(async (flags: Flags) => {
    process.exitCode = await torture(flags);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    console.error(`torture: ${error.message}`);
    process.exitCode = 2;
  } else throw error;
}
