/**
 * The lines of Optuna's journal file (optuna.storages.JournalStorage): one compact JSON object a line, `op_code` and
 * `worker_id` in each. A study is what replaying its lines gives (optuna-replay.ts).
 *
 * Text in, text out: no file access.
 */
import { UserError } from '../util/errors.js';

/** What a line does; Optuna's `JournalOperation`. */
export const OPERATION = {
  createStudy: 0,
  deleteStudy: 1,
  setStudyUserAttr: 2,
  setStudySystemAttr: 3,
  createTrial: 4,
  setTrialParam: 5,
  setTrialStateValues: 6,
  setTrialIntermediateValue: 7,
  setTrialUserAttr: 8,
  setTrialSystemAttr: 9,
} as const;

/** Optuna's `TrialState`, by its number in the journal. */
export const TRIAL_STATES = ['running', 'complete', 'pruned', 'fail', 'waiting'] as const;

export type TrialState = (typeof TRIAL_STATES)[number];

/** Optuna's `StudyDirection`. */
export const DIRECTION = { minimize: 1, maximize: 2 } as const;

export type Direction = keyof typeof DIRECTION;

/** A line without its worker; fields are Optuna's. */
export interface Operation {
  readonly op_code: number;
  readonly [field: string]: unknown;
}

export interface JournalLog extends Operation {
  readonly worker_id: string;
}

export type Choice = string | number | boolean | null;

export interface FloatDistribution {
  readonly name: 'FloatDistribution';
  readonly attributes: {
    readonly step: number | null;
    readonly low: number;
    readonly high: number;
    readonly log: boolean;
  };
}

export interface IntDistribution {
  readonly name: 'IntDistribution';
  readonly attributes: { readonly log: boolean; readonly step: number; readonly low: number; readonly high: number };
}

export interface CategoricalDistribution {
  readonly name: 'CategoricalDistribution';
  readonly attributes: { readonly choices: readonly Choice[] };
}

/** What a parameter may be. In the journal a categorical value is the index of its choice. */
export type Distribution = FloatDistribution | IntDistribution | CategoricalDistribution;

/** Lines of a journal, each ended. */
export function encodeLogs(logs: readonly JournalLog[]): string {
  return logs.map(log => `${JSON.stringify(log, requireFinite)}\n`).join('');
}

/**
 * Reads whole lines. What follows the last line break is the half of a line that somebody is writing, or was writing when
 * killed: it does not count, and `rest` is its length in characters.
 *
 * @param name for messages
 * @param firstLine number of the text's first line, from 1
 * @throws {UserError} naming the line that is no entry of a journal
 */
export function decodeLogs(text: string, name: string, firstLine = 1): { logs: JournalLog[]; rest: number } {
  const lines = text.split('\n');
  const rest = lines.pop()!.length;
  return { logs: lines.map((line, i) => decodeLog(line, `${name}, line ${firstLine + i}`)), rest };
}

function decodeLog(line: string, place: string): JournalLog {
  let value: unknown;
  try {
    value = parsePythonJson(line);
  } catch (error) {
    throw new UserError(`${place}: this is no entry of an Optuna journal: ${(error as Error).message}`);
  }
  const log = value as Partial<JournalLog> | null;
  if (typeof log !== 'object' || typeof log?.op_code !== 'number' || typeof log.worker_id !== 'string') {
    throw new UserError(`${place}: an entry of an Optuna journal has an op_code and a worker_id, this has not`);
  }
  return log as JournalLog;
}

const NON_FINITE: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };
/** Begins a text that stands for a bare word; no text of a journal begins so. */
const MARK = '\u0000';

/** JSON as Python writes it: with the bare words NaN, Infinity and -Infinity. */
function parsePythonJson(text: string): unknown {
  if (!/NaN|Infinity/.test(text)) return JSON.parse(text);
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, token =>
    token.startsWith('"') ? token : JSON.stringify(MARK + token),
  );
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? NON_FINITE[value.slice(1)] : value,
  );
}

function requireFinite(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`a journal takes no ${value} as ${key}`);
  return value;
}

/** The text in which a journal holds a distribution. */
export function encodeDistribution({ name, attributes }: Distribution): string {
  return JSON.stringify({ name, attributes });
}

/** Names that Optuna gave distributions before its version 3, and what they are now. */
const FORMER: Readonly<Record<string, (attributes: Attributes) => Distribution>> = {
  UniformDistribution: of => float(of),
  LogUniformDistribution: of => float({ ...of, log: true }),
  DiscreteUniformDistribution: of => float({ ...of, step: of['q'] }),
  IntUniformDistribution: of => int(of),
  IntLogUniformDistribution: of => int({ ...of, log: true }),
};

type Attributes = Readonly<Record<string, unknown>>;

/** @throws {UserError} for what is no distribution of Optuna's */
export function decodeDistribution(text: string): Distribution {
  const { name, attributes = {} } = JSON.parse(text) as { name?: string; attributes?: Attributes };
  if (name === 'FloatDistribution') return float(attributes);
  if (name === 'IntDistribution') return int(attributes);
  if (name === 'CategoricalDistribution') {
    return { name, attributes: { choices: (attributes['choices'] ?? []) as Choice[] } };
  }
  const former = FORMER[name ?? ''];
  if (former) return former(attributes);
  throw new UserError(`a journal holds a distribution that is not known: ${text}`);
}

function float({ step, low, high, log }: Attributes): FloatDistribution {
  const attributes = { step: (step ?? null) as number | null, low: Number(low), high: Number(high), log: log === true };
  return { name: 'FloatDistribution', attributes };
}

function int({ step, low, high, log }: Attributes): IntDistribution {
  const attributes = { log: log === true, step: Number(step ?? 1), low: Number(low), high: Number(high) };
  return { name: 'IntDistribution', attributes };
}
