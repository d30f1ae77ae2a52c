import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeEvents, type SummaryValue } from '../interop/tfevents/index.js';
import { parseEventFileName } from './event-files.js';

/** What the event files of a run tell of the step that ends an epoch. */
export interface ToldEpoch {
  /** Whether its figures are there, which are told once the epoch is saved. */
  readonly figures: boolean;
  /** Histograms and images, which are told before. */
  readonly look: readonly SummaryValue[];
}

/**
 * What earlier sittings told of `step` and no later one took back. Files that cannot be read tell nothing: they are no
 * reason not to go on.
 */
export function toldOf(folder: string, step: number): ToldEpoch {
  let figures = false;
  const look: SummaryValue[] = [];
  // The latest sitting first.
  for (const name of eventFiles(folder).reverse()) {
    const { values, begin } = readSitting(join(folder, name), step);
    figures ||= values.some(({ tag }) => tag === 'epoch');
    look.unshift(...values.filter(value => 'histogram' in value || 'image' in value));
    if (begin <= step) break;
  }
  return { figures, look };
}

function eventFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => parseEventFileName(name))
    .sort();
}

/** The values of one step in a file, and the step that its sitting begins with. */
function readSitting(file: string, step: number): { values: SummaryValue[]; begin: number } {
  try {
    const events = decodeEvents(readFileSync(file));
    const start = events.find(event => 'sessionStart' in event);
    const values = events.flatMap(event => ('values' in event && event.step === step ? event.values : []));
    // A sitting that was not resumed has all from step 0 on.
    return { values, begin: start?.step ?? 0 };
  } catch {
    return { values: [], begin: Infinity };
  }
}
