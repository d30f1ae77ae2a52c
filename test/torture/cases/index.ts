import type { TortureCase } from '../torture.js';
import { dataCache, tuningCache } from './caches.js';
import { clock } from './clock.js';
import { damagedStates } from './damage.js';
import { device } from './device.js';
import { fullDisk } from './full-disk.js';
import { kill } from './kill.js';
import { memory } from './memory.js';
import { nan } from './nan.js';
import { readOnly } from './read-only.js';
import { twoProcesses } from './two-processes.js';

/** Everything that a run is put through. */
export const cases: readonly TortureCase[] = [
  ...[kill, fullDisk, readOnly, damagedStates, device, memory, nan],
  ...[twoProcesses, dataCache, tuningCache, clock],
];
