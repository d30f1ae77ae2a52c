import type { JournalStudy, JournalTrial } from '../../interop/optuna-replay.js';
import type { Choice, Distribution } from '../../interop/optuna-journal.js';
import {
  htmlPage,
  importanceBars,
  optimisationHistory,
  parallelCoordinates,
  pngFile,
  svgFile,
  type Axis,
  type Section,
  type TrialPoint,
} from '../../plots/index.js';
import { importances } from './importance.js';
import { requireBest } from './saved.js';
import { subjectOf, valuesOf } from './study.js';
import { trialRow, trialsCsv } from './table.js';

/** Files of a study's report, by name. */
export type ReportFiles = ReadonlyMap<string, string | Uint8Array>;

/**
 * What there is to see of a study: its history, each trial's values, and which of them matter.
 * @throws {UserError} where no trial is complete
 */
export async function studyReport(study: JournalStudy): Promise<ReportFiles> {
  const best = requireBest(study);
  const metric = metricOf(study);
  const direction = study.directions[0] ?? 'minimize';
  const axes = axesOf(study.trials);
  const points = study.trials.flatMap(trial => pointOf(trial, axes));
  // The value of a pruned trial is that of its last epoch, and would stretch the scale.
  const complete = points.filter(({ pruned }) => !pruned);
  const shares = importances(study.trials, direction);
  const charts = new Map([
    ['history', await optimisationHistory(`${study.name}: ${metric} by trial`, points, metric, direction)],
    [
      'parallel',
      await parallelCoordinates(`${study.name}: values of complete trials`, axes, complete, metric, direction),
    ],
    ['importance', await importanceBars(`${study.name}: importance of each field`, shares)],
  ]);
  const introduction = `${study.trials.length} trials, ${complete.length} of them complete. Best: trial ${best.number}, ${metric} ${short(best.value)}.`;
  return new Map<string, string | Uint8Array>([
    ...Array.from(charts, ([name, svg]) => [`${name}.svg`, svgFile(svg)] as const),
    ...Array.from(charts, ([name, svg]) => [`${name}.png`, pngFile(svg)] as const),
    ['trials.csv', trialsCsv(study)],
    ['report.html', htmlPage(`Study ${study.name}`, introduction, sections(study, axes, charts))],
  ]);
}

function sections(study: JournalStudy, axes: readonly Axis[], charts: ReadonlyMap<string, string>): Section[] {
  const rows = study.trials
    .map(trialRow)
    .map(({ number, state, value, epochs, values }) => [
      ...[String(number), state, value === undefined ? '' : short(value), String(epochs)],
      ...axes.map(({ name }) => text(values[name])),
    ]);
  return [
    { heading: 'History', figures: [charts.get('history')!] },
    { heading: 'Values', figures: [charts.get('parallel')!] },
    {
      heading: 'Importance',
      text: 'How much each field decides whether a trial is among the best tenth (PED-ANOVA). With few trials these are guesses.',
      figures: [charts.get('importance')!],
    },
    {
      heading: 'Trials',
      table: [['trial', 'state', metricOf(study), 'epochs', ...axes.map(({ name }) => name)], ...rows],
    },
  ];
}

function metricOf(study: JournalStudy): string {
  const metric = subjectOf(study)?.metric;
  return metric === undefined ? 'value' : `validation ${metric}`;
}

function axesOf(trials: readonly JournalTrial[]): Axis[] {
  const distributions = new Map(trials.flatMap(trial => [...trial.distributions]));
  return Array.from(distributions, ([name, distribution]) => ({ name, ...scaleOf(distribution) }));
}

function scaleOf({ name, attributes }: Distribution): Omit<Axis, 'name'> {
  if (name === 'CategoricalDistribution') return { choices: attributes.choices.map(String) };
  return { range: [attributes.low, attributes.high], log: attributes.log };
}

function pointOf(trial: JournalTrial, axes: readonly Axis[]): TrialPoint[] {
  const { number, value, state } = trial;
  if (value === undefined || (state !== 'complete' && state !== 'pruned')) return [];
  const drawn = valuesOf(trial);
  const values = axes.map(({ name, choices }) => {
    const own = drawn.get(name);
    return own === undefined ? undefined : choices || typeof own !== 'number' ? String(own) : own;
  });
  return [{ number, value, pruned: state === 'pruned', values }];
}

function short(value: number): string {
  return String(Number(value.toPrecision(5)));
}

function text(value: Choice | undefined): string {
  return typeof value === 'number' ? short(value) : value === undefined ? '' : String(value);
}
