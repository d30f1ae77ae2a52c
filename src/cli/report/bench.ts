import type { BenchCase } from '../../bench/cases/index.js';
import type { BenchResult } from '../../bench/bench.js';

const HEAD = ['case', 'contestant', 'median ms', 'spread', 'samples', 'rate', 'speedup'] as const;
/** Widths that most cells keep to, so that the table can be read while it grows. */
const WIDTHS = [47, 11, 9, 6, 7, 15, 11] as const;

/** Rows of a Markdown table, one for each contestant, written as cases end. */
export function tableHead(): string[] {
  return [
    row(HEAD),
    `| ${WIDTHS.map((width, i) => (i < 2 ? '-' : '').padEnd(width - (i < 2 ? 0 : 1), '-') + (i < 2 ? '' : ':')).join(' | ')} |`,
  ];
}

/** The last column: a contestant's time over facegrad's. */
export function tableRows({ name, contestants }: BenchResult): string[] {
  const ours = contestants.facegrad?.medianMs;
  return Object.entries(contestants).map(([contestant, figures], i) => {
    const { medianMs, spread, samples, rate, unit, p99Ms } = figures;
    const times = ours === undefined || contestant === 'facegrad' ? '' : `${number(medianMs / ours)}x`;
    const median = p99Ms === undefined ? number(medianMs) : `${number(medianMs)} (p99 ${number(p99Ms)})`;
    const cells = [
      ...[i === 0 ? name : '', contestant, median, `${(100 * spread).toFixed(0)} %`, String(samples)],
      ...[`${number(rate)} ${unit}`, times],
    ];
    return row(cells);
  });
}

function row(cells: readonly string[]): string {
  const padded = cells.map((cell, i) => (i < 2 ? cell.padEnd(WIDTHS[i]!) : cell.padStart(WIDTHS[i]!)));
  return `| ${padded.join(' | ')} |`;
}

/** Three digits that count: `0.213`, `12.3`, `1,234`. */
function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value >= 10 ? value.toFixed(1) : value.toPrecision(3);
}

/** One line a case: its name, and why it is not run unless it is asked for. */
export function caseLines(all: readonly BenchCase[], reason: (bench: BenchCase) => string | undefined): string[] {
  return all.map(bench => {
    const why = reason(bench);
    return why === undefined ? bench.name : `${bench.name} (${why})`;
  });
}
