import type { Interval } from '../metrics/bootstrap.js';

/** Figures as a report prints them. */

export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${(100 * value).toFixed(2)} %`;

export const decimal = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? '–' : value.toFixed(digits);

export const integer = (value: number): string => Math.round(value).toLocaleString('en');

/** `0.61 to 0.65`, of shares in per cent. */
export const interval = (found: Interval | null, show: (value: number) => string = percent): string =>
  found === null ? '' : `${show(found.low)} to ${show(found.high)}`;

/** 1,234,567 bytes as 1.2 MB. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]!}`;
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)} h` : `${minutes}:${two(whole % 60)} min`;
}
