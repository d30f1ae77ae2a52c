import type { Work } from '../work.js';

/** One line of the table. */
export interface BenchCase {
  readonly name: string;
  readonly work: Work;
  /** Units of work in one launch; `unit` is what comes out when that is divided by seconds. */
  readonly amount: number;
  readonly unit: 'GFLOP/s' | 'GB/s' | 'images/s' | 'ops/s' | 'runs/s';
  /** Multiplications and additions, where those are what takes the time. */
  readonly flops: number;
  /** One of many alike: run only where it is asked for. */
  readonly extra?: boolean;
}

/** Floating-point operations that a software adapter is given without being asked: some seconds for a slow peer. */
const MOST_FLOPS_ON_PROCESSOR = 10e9;

/** Why a case is not run unless its name is given, if so. */
export function leftOut({ work, flops, extra }: BenchCase, software: boolean): string | undefined {
  if (extra) return 'one of many shapes';
  const network = work.kind === 'train' || work.kind === 'infer';
  if (software && !network && flops > MOST_FLOPS_ON_PROCESSOR) return 'too large for a processor';
  return undefined;
}
