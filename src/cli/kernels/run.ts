import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { compareFile, type Comparison } from '../../bench/study/compare.js';
import type { Figures } from '../../bench/measure.js';
import { formatSizes, sizesOf } from '../../bench/study/targets.js';
import { UserError } from '../../util/errors.js';
import type { GpuOptions } from '../options.js';
import { Interruption } from '../signals.js';
import { findTarget } from './find-target.js';

export interface RunFlags extends GpuOptions {
  against: string;
  shape?: string;
  watch?: true;
  budget: number;
  portable?: true;
  json?: true;
}

/** Editors save in several steps. */
const SETTLE_MS = 100;

/** `facegrad kernels run`: gives the exit code where it was interrupted. */
export async function runKernel(file: string, flags: RunFlags): Promise<number | undefined> {
  const { adapter, backend, against, shape, budget, portable, json } = flags;
  const target = findTarget(against);
  const sizes = sizesOf(target, shape);
  const work = target.work(sizes);
  const interruption = new Interruption(() => undefined);
  const { signal } = interruption;
  const once = async () => {
    const subgroups = portable ? { subgroups: false } : {};
    const result = await compareFile({ file, work, seconds: budget, signal, adapter, backend, ...subgroups });
    if (json) console.log(JSON.stringify({ file, kernel: target.name, sizes, ...result }, null, flags.watch ? 0 : 2));
    else console.log(`${file} against ${target.name}, ${formatSizes(sizes)}\n${resultLines(result).join('\n')}`);
  };
  try {
    if (!flags.watch) await once();
    else await atEachSave(file, signal, once, json);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    interruption.dispose();
  }
  return interruption.exitCode;
}

/** Calls `once` now and whenever the file was written, one after the other; what a save breaks is told, and waits for the next. */
async function atEachSave(
  file: string,
  signal: AbortSignal,
  once: () => Promise<void>,
  json: boolean | undefined,
): Promise<void> {
  let wake: () => void = () => undefined;
  let saved = true;
  // The folder, since many editors replace the file.
  const watcher = watch(dirname(file), (_, name) => {
    if (name !== null && name !== basename(file)) return;
    saved = true;
    wake();
  });
  const stop = () => {
    wake();
  };
  signal.addEventListener('abort', stop);
  try {
    // Read anew at each place: it changes while others run.
    const stopped = () => signal.aborted;
    while (!stopped()) {
      if (!saved) await new Promise<void>(resolve => (wake = resolve));
      if (stopped()) return;
      await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
      saved = false;
      try {
        await once();
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (json) console.log(JSON.stringify({ file, error: error.message }));
        else console.log(error.message);
      }
      if (!json) console.log(`(waiting for ${file} to be saved; Ctrl-C ends)\n`);
    }
  } finally {
    watcher.close();
    signal.removeEventListener('abort', stop);
  }
}

function resultLines({ adapter, launched, differs, race }: Comparison): string[] {
  const differences = Object.entries(differs).map(([name, value]) => `${name} ${value.toExponential(1)}`);
  const lines = [
    `adapter: ${adapter}`,
    `launched ${launched}`,
    `correct; largest difference from our result, over its largest value: ${differences.join(', ')}`,
  ];
  if (!race) return lines;
  const { ours, theirs, speed, rounds } = race;
  const times = (value: number) => value.toPrecision(3);
  return [
    ...lines,
    `ours   ${figureText(ours)}`,
    `yours  ${figureText(theirs)}`,
    `yours runs at ${times(speed.median)} times our speed (${times(speed.low)} to ${times(speed.high)} in the middle ` +
      `half of ${rounds} rounds)`,
  ];
}

function figureText({ medianMs, spread, rate, unit }: Figures): string {
  return `${medianMs.toPrecision(3)} ms (spread ${(100 * spread).toFixed(0)} %), ${rate.toPrecision(3)} ${unit}`;
}
