import { isWatched } from './report/watched.js';

/** One line on standard error that says what is being done; only where somebody watches. */
export class StatusLine {
  readonly #watched = isWatched();

  update(text: string, fraction: number): void {
    if (!this.#watched) return;
    const line = `${text} ${Math.floor(100 * fraction)} %`;
    process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`);
  }

  clear(): void {
    if (this.#watched) process.stderr.write('\r\x1b[K');
  }
}
