import type { EpochRow, Reporter } from '../../train/types.js';
import { JsonReporter } from './json.js';
import { PlainReporter } from './plain.js';
import { TerminalReporter } from './terminal.js';
import { isWatched } from './watched.js';

/** JSON lines where asked for, a live bar where somebody watches a terminal, plain lines elsewhere. */
export function chooseReporter(json: boolean, history: readonly EpochRow[]): Reporter & { dispose(): void } {
  if (json) return new JsonReporter();
  return isWatched() ? new TerminalReporter(history) : new PlainReporter(history);
}
