import type { Interval } from '../metrics/bootstrap.js';

/** Figures as a report prints them; a number and its unit stay on one line. */

/** A no-break space. */
const SPACE = '\u00a0';

export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${(100 * value).toFixed(2)}${SPACE}%`;

/** Of a share that is given in whole per cent. */
export const wholePercent = (value: number): string => `${Math.round(100 * value)}${SPACE}%`;

export const decimal = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? '–' : value.toFixed(digits);

export const integer = (value: number): string => Math.round(value).toLocaleString('en');

/** Head of the intervals. */
export const LEVEL = `95${SPACE}%`;

/** `61.00 to 65.00 %`. */
export const percentInterval = (found: Interval | null): string =>
  found === null ? '' : `${(100 * found.low).toFixed(2)} to ${percent(found.high)}`;

/** `0.610 to 0.650`. */
export const interval = (found: Interval | null, digits = 3): string =>
  found === null ? '' : `${decimal(found.low, digits)} to ${decimal(found.high, digits)}`;

/** 1,234,567 bytes as 1.2 MiB. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)}${SPACE}${units[power]!}`;
}

/** Of images. */
export const speed = (perSecond: number | null): string =>
  perSecond === null ? '–' : `${integer(perSecond)}${SPACE}images/s`;

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}${SPACE}h`
    : `${minutes}:${two(whole % 60)}${SPACE}min`;
}
