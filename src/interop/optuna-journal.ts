/**
 * The lines of Optuna's journal file (optuna.storages.JournalStorage): one compact JSON object a line, `op_code` and
 * `worker_id` in each. A study is what replaying its lines gives (optuna-replay.ts).
 *
 * Text in, text out: no file access.
 */
import * as z from 'zod';
import { UserError } from '../util/errors.js';
import { printable } from './printable.js';

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

const place = z.int().nonnegative();
const attributes = z.record(z.string(), z.unknown());
/** JSON's numbers and the words that Python has beside them. */
const real = z
  .number()
  .or(z.nan())
  .or(z.literal([Infinity, -Infinity]));
const state = z
  .int()
  .min(0)
  .max(TRIAL_STATES.length - 1);
const time = z.string().nullish();
const distribution = z.string().transform((text, context) => {
  try {
    return decodeDistribution(text);
  } catch (error) {
    context.issues.push({ code: 'custom', message: (error as Error).message, input: text });
    return z.NEVER;
  }
});

/** The fields of an operation that replaying it reads; others may stand beside them. */
const fields: Readonly<Record<number, z.ZodType>> = {
  [OPERATION.createStudy]: z.looseObject({ study_name: z.string(), directions: z.array(z.int()).min(1) }),
  [OPERATION.deleteStudy]: z.looseObject({ study_id: place }),
  [OPERATION.setStudyUserAttr]: z.looseObject({ study_id: place, user_attr: attributes }),
  [OPERATION.setStudySystemAttr]: z.looseObject({ study_id: place, system_attr: attributes }),
  [OPERATION.createTrial]: z.looseObject({
    study_id: place,
    state: state.nullish(),
    params: z.record(z.string(), real).nullish(),
    distributions: z.record(z.string(), distribution).nullish(),
    intermediate_values: z.record(z.string(), real).nullish(),
    value: real.nullish(),
    values: z.array(real).nullish(),
    user_attrs: attributes.nullish(),
    system_attrs: attributes.nullish(),
    datetime_start: time,
    datetime_complete: time,
  }),
  [OPERATION.setTrialParam]: z.looseObject({
    ...{ trial_id: place, param_name: z.string(), param_value_internal: real, distribution },
  }),
  [OPERATION.setTrialStateValues]: z.looseObject({
    ...{ trial_id: place, state, values: z.array(real).nullish(), datetime_start: time, datetime_complete: time },
  }),
  [OPERATION.setTrialIntermediateValue]: z.looseObject({
    ...{ trial_id: place, step: z.int(), intermediate_value: real },
  }),
  [OPERATION.setTrialUserAttr]: z.looseObject({ trial_id: place, user_attr: attributes }),
  [OPERATION.setTrialSystemAttr]: z.looseObject({ trial_id: place, system_attr: attributes }),
};

function decodeLog(line: string, place: string): JournalLog {
  let value: unknown;
  try {
    value = parsePythonJson(line);
  } catch (error) {
    throw new UserError(`${place}: this is no entry of an Optuna journal: ${printable((error as Error).message)}`);
  }
  const log = value as Partial<JournalLog> | null;
  if (typeof log !== 'object' || typeof log?.op_code !== 'number' || typeof log.worker_id !== 'string') {
    throw new UserError(`${place}: an entry of an Optuna journal has an op_code and a worker_id, this has not`);
  }
  const issue = fields[log.op_code]?.safeParse(log).error?.issues[0];
  if (issue) {
    throw new UserError(
      `${place}: this is no entry of an Optuna journal: ${printable(`${issue.path.join('.')}: ${issue.message}`)}`,
    );
  }
  return log as JournalLog;
}

const NON_FINITE: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity };
/** Begins a text that stands for a bare word; no text of a journal begins so. */
const MARK = '\u0000';

/** JSON as Python writes it: with the bare words NaN, Infinity and -Infinity. */
function parsePythonJson(text: string): unknown {
  if (!/NaN|Infinity/.test(text)) return JSON.parse(text);
  return JSON.parse(marked(text), (_, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? NON_FINITE[value.slice(1)] : value,
  );
}

/** JSON in which the bare words are texts. Goes through it once: a text without its end must not be looked for anew. */
function marked(text: string): string {
  const word = /-?\b(?:NaN|Infinity)\b/y;
  let result = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
      continue;
    }
    word.lastIndex = at;
    const [found] = word.exec(text) ?? [];
    if (found === undefined) continue;
    result += text.slice(from, at) + JSON.stringify(MARK + found);
    at += found.length - 1;
    from = at + 1;
  }
  return result + text.slice(from);
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

const choices = z.array(z.union([z.string(), z.boolean(), z.null(), real])).min(1);
const named = z.object({ name: z.string(), attributes: z.record(z.string(), z.unknown()).default({}) });

/** @throws {UserError} for what is no distribution of Optuna's */
export function decodeDistribution(text: string): Distribution {
  let found: Distribution | undefined;
  try {
    found = distributionOf(named.parse(parsePythonJson(text)));
  } catch {
    // Neither JSON nor a distribution: said below.
  }
  if (found) return found;
  throw new UserError(`a journal holds a distribution that is not known: ${printable(text)}`);
}

function distributionOf({ name, attributes }: z.infer<typeof named>): Distribution | undefined {
  if (name === 'FloatDistribution') return float(attributes);
  if (name === 'IntDistribution') return int(attributes);
  if (name === 'CategoricalDistribution')
    return { name, attributes: { choices: choices.parse(attributes['choices']) } };
  return Object.hasOwn(FORMER, name) ? FORMER[name]!(attributes) : undefined;
}

const range = z.object({ low: z.number(), high: z.number(), step: z.number().positive().nullish() });

function float(given: Attributes): FloatDistribution {
  const { step = null, low, high } = range.parse(given);
  return { name: 'FloatDistribution', attributes: { step, low, high, log: given['log'] === true } };
}

function int(given: Attributes): IntDistribution {
  const { step, low, high } = range.parse(given);
  return { name: 'IntDistribution', attributes: { log: given['log'] === true, step: step ?? 1, low, high } };
}
