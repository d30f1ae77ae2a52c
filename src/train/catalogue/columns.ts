import { closest } from 'fastest-levenshtein';
import { UserError } from '../../util/errors.js';
import { optionsShape } from '../options.js';
import { meanRate } from '../progress.js';
import type { RunEntry } from './entry.js';

/** What stands in a cell; undefined where a run has no such value. */
export type Value = string | number | undefined;

/** How a value is read and shown: `fraction` in per cent, `seconds` as minutes, `time` as ISO 8601. */
export type Kind = 'text' | 'number' | 'count' | 'fraction' | 'loss' | 'seconds' | 'time' | 'rate';

/** Something of a run that can be shown, compared and sorted by. */
export interface Column {
  readonly name: string;
  readonly kind: Kind;
  /** undefined where the run has none. */
  readonly of: (run: RunEntry) => Value;
}

const column = (name: string, kind: Kind, of: Column['of']): Column => ({ name, kind, of });

/** What every run has, or will have; figures of training and validation are those of the best epoch. */
const columns: readonly Column[] = [
  column('run', 'text', run => run.path),
  column('model', 'text', run => run.config.options.model),
  column('data', 'text', run => run.config.data.name),
  column('state', 'text', run => run.state),
  column('created', 'time', run => run.config.created),
  column('epochs', 'count', epochsDone),
  column('best_epoch', 'count', run => run.best?.epoch),
  column('train_loss', 'loss', run => run.best?.trainLoss),
  column('train_accuracy', 'fraction', run => run.best?.trainAccuracy),
  column('val_loss', 'loss', run => run.best?.valLoss),
  column('val_accuracy', 'fraction', run => run.best?.valAccuracy),
  column('test_loss', 'loss', run => run.summary?.testLoss),
  column('test_accuracy', 'fraction', run => run.summary?.testAccuracy),
  column('seconds', 'seconds', secondsOf),
  column('images_per_second', 'rate', run => meanRate(run.history)),
  column('parameters', 'count', run => run.summary?.parameters),
  column('images', 'count', run => run.config.data.train),
  column('adapter', 'text', run => run.config.adapter),
  column('facegrad', 'text', run => run.config.facegrad),
];

/** Names of all columns that are no option of training. */
export const columnNames: readonly string[] = columns.map(({ name }) => name);

/** Options of training, of which any may be a column. */
const optionNames = Object.keys(optionsShape) as (keyof typeof optionsShape)[];

/**
 * The column of that name: one of the above, or an option of training, written as in `config.json`, with hyphens or with
 * underscores; `options.epochs` and `options.data` are the options where the bare names mean something else.
 * @throws UserError with the nearest name where there is none
 */
export function columnOf(name: string): Column {
  const bare = name.startsWith('options.') ? name.slice('options.'.length) : name;
  const known = bare === name ? columns.find(one => plain(one.name) === plain(name)) : undefined;
  if (known) return known;
  const key = optionNames.find(option => plain(option) === plain(bare));
  if (key !== undefined) return column(bare, 'number', run => valueOf(run.config.options[key]));
  const names = [...columnNames, ...optionNames];
  throw new UserError(
    `runs have no column ${name}; did you mean ${closest(name, names)}? ` +
      `There are ${columnNames.join(', ')}, and all options of training, such as lr, optimizer and batch_size`,
  );
}

/** An option as one value: numbers and texts as they are, what has parts as JSON. */
export function valueOf(option: unknown): Value {
  if (option === undefined || typeof option === 'number' || typeof option === 'string') return option;
  return JSON.stringify(option);
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[-_]/g, '');

function epochsDone({ history, summary }: RunEntry): number {
  return Math.max(history.length, summary?.epochs ?? 0);
}

/** Wall time; of a run that was killed or runs, that of its finished epochs. */
function secondsOf({ history, state, summary }: RunEntry): number {
  if (summary && (state === 'finished' || state === 'interrupted')) return summary.seconds;
  return history.reduce((sum, { seconds }) => sum + seconds, 0);
}
