/** What became of each case, and how a run is told. */
import { NotImplementedError } from '../../src/util/errors.js';
import type { Deviation } from './compare.js';
import type { Goldens } from './golden.js';

export interface CaseResult {
  file: keyof Goldens;
  name: string;
  status: 'passed' | 'failed' | 'not implemented';
  /** For a failure: the quantity that is farthest off, its largest error and where that is. For a pass: its notes. */
  message: string;
}

/** Asked of a case whose operation, model or training piece the project does not have. */
export function lacks(what: string): never {
  throw new NotImplementedError(what);
}

/**
 * Runs one case. `check` returns the comparison of every quantity; a NotImplementedError counts on its own, any other
 * error is a failure.
 */
export async function runCase(
  file: keyof Goldens,
  name: string,
  check: () => Promise<Deviation[]>,
): Promise<CaseResult> {
  try {
    const deviations = await check();
    const worse = deviations.filter(({ excess }) => !(excess <= 1)).sort((a, b) => b.excess - a.excess);
    const [worst, ...others] = worse;
    const notes = deviations.flatMap(({ note }) => note ?? []);
    if (!worst) return { file, name, status: 'passed', message: notes.join('; ') };
    const also = others.length > 0 ? `; also off: ${others.map(({ quantity }) => quantity).join(', ')}` : '';
    return { file, name, status: 'failed', message: `${worst.quantity}: ${worst.message}${also}` };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { file, name, status: error instanceof NotImplementedError ? 'not implemented' : 'failed', message };
  }
}

/** Lines for a person: what is not implemented, a line for each file; notes; each failure; the counts. */
export function summarize(results: readonly CaseResult[]): string[] {
  const of = (status: CaseResult['status']) => results.filter(result => result.status === status);
  const absent = new Map<string, string[]>();
  for (const { file, name } of of('not implemented')) absent.set(file, [...(absent.get(file) ?? []), name]);
  return [
    ...[...absent].map(([file, names]) => `not implemented in ${file}.json: ${names.join(', ')}`),
    ...of('passed')
      .filter(({ message }) => message !== '')
      .map(({ file, name, message }) => `note: ${file}.json ${name}: ${message}`),
    ...of('failed').map(({ file, name, message }) => `FAIL ${file}.json ${name}: ${message.replaceAll('\n', ' ')}`),
    `parity: ${of('passed').length} passed, ${of('failed').length} failed, ${of('not implemented').length} not implemented`,
  ];
}
