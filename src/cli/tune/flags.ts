import type { GpuOptions } from '../options.js';
import type { QueueFlags } from '../queue/options.js';

/** What `facegrad tune` is given. */
export interface TuneFlags extends GpuOptions, QueueFlags {
  study?: string;
  data?: string;
  out?: string;
  storage?: string;
  trials?: number;
  epochs?: number;
  limit?: number;
  set?: string[];
  workers: number;
  takeOver?: true;
  json?: true;
}
