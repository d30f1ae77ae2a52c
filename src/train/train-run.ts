import type { DataSet } from '../data/dataset.js';
import { ampProblem } from '../gpu/matrices.js';
import { openDevice } from '../gpu/node.js';
import { isSoftware } from '../gpu/software.js';
import type { TuningProblem } from '../kernels/tuning/index.js';
import { EventLog } from './event-log.js';
import { adapterName, train, type TrainContext } from './trainer.js';
import { autotune } from './tuning/autotune.js';
import { TuningCache } from './tuning/cache.js';
import type { TrainOptions, TrainSummary } from './types.js';

/** What `trainRun` needs beside data and options: as `train`, and which adapter it opens. */
export interface RunContext extends Omit<TrainContext, 'tune'> {
  readonly adapter?: string | undefined;
  readonly backend?: string | undefined;
  /**
   * Whether a new run looks for faster kernels: by default where the adapter is not a software one. False: the run computes
   * with the default kernels, even where faster ones are known.
   */
  readonly autotune?: boolean | undefined;
  /** Opens the device that the run computes on; by default the one that Node finds. */
  readonly openDevice?: typeof openDevice | undefined;
  /** Whether the run writes TensorBoard's events into its folder (event-log.ts): yes, unless false. */
  readonly tensorboard?: boolean | undefined;
}

/** Trains a run as `train` does, on a device of its own, which is gone with all its memory when the run ends. */
export async function trainRun(data: DataSet, options: TrainOptions, context: RunContext): Promise<TrainSummary> {
  const { adapter, backend, autotune: tuned, run, resume, signal, version, tensorboard = true } = context;
  const events = tensorboard ? new EventLog(context.reporter) : undefined;
  const reporter = events ?? context.reporter;
  const open = () => (context.openDevice ?? openDevice)({ adapter, backend, precision: options.precision });
  const device = await open();
  try {
    const problem = options.precision === 'amp' ? ampProblem(device) : undefined;
    if (problem !== undefined) reporter.note(problem);
    if (resume && run.config.adapter !== adapterName(device)) {
      reporter.note(
        `the run was begun on ${run.config.adapter}: another adapter goes on from the same state, with other rounding`,
      );
    }
    const tune = async (problems: readonly TuningProblem[]) => {
      const warn = (text: string) => {
        reporter.note(`warning: ${text}`);
      };
      const cache = await TuningCache.open(device, version, warn);
      const search = tuned ?? !isSoftware(device.info);
      return autotune(problems, { cache, search, warn, signal, openDevice: open });
    };
    return await train(device, data, options, { ...context, reporter, ...(tuned === false ? {} : { tune }) });
  } finally {
    events?.close();
    device.destroy();
  }
}
