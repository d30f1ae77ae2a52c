import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** A cold GPU driver may compile for seconds; one that takes a minute is taken to hang. */
const TIME_LIMIT = 60_000;

/**
 * `found`: Dawn gives a device. `none`: it works and finds no adapter that it accepts, so a driver may help.
 * `broken`: it does not load, crashes or hangs, and another driver beside it would not help.
 *
 * @typedef {{ state: 'found', adapter: string } | { state: 'none' | 'broken', why: string, log: string }} Probe
 */

/**
 * Asks Dawn for a device in a child process (0.1 s with a software driver, so nothing is remembered from one time to
 * the next: a driver may have been removed since).
 *
 * @param {string} root the repository whose node_modules holds Dawn
 * @param {number} [timeLimit] in milliseconds
 * @returns {Probe}
 */
export function probeAdapter(root, timeLimit = TIME_LIMIT) {
  const child = spawnSync(process.execPath, [join(root, 'scripts', 'setup', 'probe.mjs')], {
    cwd: root,
    encoding: 'utf8',
    timeout: timeLimit,
    killSignal: 'SIGKILL',
  });
  const log = child.stderr.trim();
  const answer = lastJsonLine(child.stdout);
  if (answer?.adapter) return { state: 'found', adapter: answer.adapter };
  if (answer?.adapter === null) return { state: 'none', why: 'Dawn finds no WebGPU adapter', log };
  if (answer?.unusable) return { state: 'broken', why: `Dawn does not load: ${answer.unusable}`, log };
  if (child.error) return { state: 'broken', why: `asking Dawn for an adapter took over ${timeLimit / 1000} s`, log };
  const end = child.signal ? `died of ${child.signal}` : `ended with code ${child.status}`;
  return { state: 'broken', why: `asking Dawn for an adapter ${end}`, log };
}

/**
 * @param {string} output Dawn itself may print other lines
 * @returns {{ adapter?: string | null, unusable?: string } | null}
 */
function lastJsonLine(output) {
  const line = output.split('\n').findLast(l => l.startsWith('{'));
  return line === undefined ? null : JSON.parse(line);
}
