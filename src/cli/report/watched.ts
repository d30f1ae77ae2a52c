/** Whether somebody watches a terminal on standard error that can redraw a line. */
export function isWatched(): boolean {
  return process.stderr.isTTY && !process.env['CI'] && process.env['TERM'] !== 'dumb';
}
