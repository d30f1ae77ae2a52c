import type { Goldens } from './golden.js';
import { checkModels } from './models.js';
import { checkOps } from './ops.js';
import type { CaseResult } from './report.js';
import { checkTraining } from './training.js';

/** Checks every case of the goldens on the default device. */
export async function checkGoldens({ ops, models, training }: Goldens): Promise<CaseResult[]> {
  return [...(await checkOps(ops)), ...(await checkModels(models)), ...(await checkTraining(training))];
}
