import type { TuningResult } from '../../kernels/tuning/index.js';

const KEY_COLUMNS = 52;
const row = (key: string, standard: string, ms: string, gain: string, choice: string) =>
  `${key.padEnd(KEY_COLUMNS)}  ${standard.padStart(10)}  ${ms.padStart(10)}  ${gain.padStart(5)}  ${choice}`;

export function tuningHead(): string[] {
  return [row('operation and class of shapes', 'default ms', 'fastest ms', 'gain', 'kernel')];
}

/** One line a class of shapes. */
export function tuningRow({ key, choice, standardMs, ms, refused }: TuningResult): string {
  const figure = (value: number) => value.toPrecision(3);
  const wrong = refused.length === 0 ? '' : `; wrong here: ${refused.join(', ')}`;
  return row(key, figure(standardMs), figure(ms), (standardMs / ms).toFixed(2), `${choice}${wrong}`);
}
