import type { TortureCase } from '../torture.js';
import { kill } from './kill.js';

/** Everything that a run is put through. */
export const cases: readonly TortureCase[] = [kill];
