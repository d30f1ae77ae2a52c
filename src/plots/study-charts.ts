import { drawChart } from './chart.js';

/** A finished trial of a study; `values` are in the order of the axes. */
export interface TrialPoint {
  readonly number: number;
  readonly value: number;
  readonly pruned: boolean;
  readonly values: readonly (number | string | undefined)[];
}

/** A parameter: a range, or its choices as texts. */
export interface Axis {
  readonly name: string;
  readonly log?: boolean;
  readonly range?: readonly [low: number, high: number];
  readonly choices?: readonly string[];
}

const number = (field: string) => ({ field, type: 'quantitative' as const });

/** The value of each trial, in order, and the best one so far. */
export function optimisationHistory(
  title: string,
  trials: readonly TrialPoint[],
  metric: string,
  direction: 'minimize' | 'maximize',
): Promise<string> {
  const better = direction === 'minimize' ? Math.min : Math.max;
  let best: number | undefined;
  const steps = trials.flatMap(({ number: trial, value, pruned }) => {
    if (pruned) return [];
    best = best === undefined ? value : better(best, value);
    return [{ trial, best }];
  });
  const x = { ...number('trial'), title: 'trial', axis: { tickMinStep: 1, format: 'd' } };
  return drawChart({
    ...{ title, description: title, width: 520, height: 280 },
    layer: [
      {
        data: { values: steps },
        mark: { type: 'line', interpolate: 'step-after' },
        encoding: { x, y: { ...number('best'), title: metric, scale: { zero: false } } },
      },
      {
        data: {
          values: trials.map(({ number: trial, value, pruned }) => ({
            ...{ trial, value, state: pruned ? 'pruned' : 'complete' },
          })),
        },
        mark: { type: 'point', filled: true, size: 50 },
        encoding: { x, y: number('value'), shape: { field: 'state', type: 'nominal', title: null } },
      },
    ],
  });
}

/** Each trial as a line through its values, one axis for each parameter and last what came of it, which colours the line. */
export function parallelCoordinates(
  title: string,
  axes: readonly Axis[],
  trials: readonly TrialPoint[],
  metric: string,
  direction: 'minimize' | 'maximize',
): Promise<string> {
  const values = trials.map(({ value }) => value);
  const last: Axis = { name: metric, range: [Math.min(...values), Math.max(...values)] };
  const all = [...axes, last];
  const lines = trials.flatMap(({ number: trial, value, values: drawn }) =>
    all.flatMap((axis, i) => {
      const place = placeOn(axis, i < axes.length ? drawn[i] : value);
      return place === undefined ? [] : [{ trial, value, axis: axis.name, place }];
    }),
  );
  const ticks = all.flatMap(axis => ticksOf(axis).map(tick => ({ axis: axis.name, ...tick })));
  const x = {
    field: 'axis',
    type: 'nominal' as const,
    sort: all.map(({ name }) => name),
    title: null,
    axis: { labelAngle: 0, grid: true, domain: false },
  };
  const y = { ...number('place'), axis: null, scale: { domain: [0, 1] } };
  return drawChart({
    ...{ title, description: title, width: Math.max(320, 150 * all.length), height: 300 },
    layer: [
      {
        data: { values: lines },
        mark: { type: 'line', opacity: 0.75 },
        encoding: {
          ...{ x, y, detail: { field: 'trial' } },
          color: {
            ...number('value'),
            title: metric,
            // The best trials are the dark ones.
            scale: { scheme: 'viridis', reverse: direction === 'maximize' },
          },
        },
      },
      {
        data: { values: ticks },
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 10 },
        encoding: { x, y, text: { field: 'label' } },
      },
    ],
  });
}

/** A bar for each parameter, as long as its share. */
export function importanceBars(title: string, importances: ReadonlyMap<string, number>): Promise<string> {
  const values = Array.from(importances, ([parameter, share]) => ({ parameter, share }));
  return drawChart({
    ...{ title, description: title, width: 400, height: 36 * Math.max(2, values.length) },
    data: { values },
    encoding: {
      y: { field: 'parameter', type: 'nominal', sort: values.map(({ parameter }) => parameter), title: null },
    },
    layer: [
      { mark: 'bar', encoding: { x: { ...number('share'), title: 'importance', axis: { format: '.0%' } } } },
      {
        mark: { type: 'text', align: 'left', dx: 4 },
        encoding: { x: number('share'), text: { ...number('share'), format: '.1%' } },
      },
    ],
  });
}

/** 0 at the axis' foot, 1 at its head. */
function placeOn({ range, choices, log = false }: Axis, value: number | string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (choices) return choices.length < 2 ? 0.5 : choices.indexOf(String(value)) / (choices.length - 1);
  const scale = (x: number) => (log ? Math.log(x) : x);
  const [low, high] = range!.map(scale) as [number, number];
  return high === low ? 0.5 : (scale(Number(value)) - low) / (high - low);
}

function ticksOf(axis: Axis): { label: string; place: number }[] {
  const { range, choices, log = false } = axis;
  if (choices) return choices.map(choice => ({ label: choice, place: placeOn(axis, choice)! }));
  const [low, high] = range!;
  const ticks = low === high ? [low] : [low, log ? Math.sqrt(low * high) : (low + high) / 2, high];
  return ticks.map(tick => ({ label: String(Number(tick.toPrecision(3))), place: placeOn(axis, tick)! }));
}
