import * as z from 'zod';
import { resolveSpec } from '../data/augment/spec.js';
import { dataOptionsShape } from '../data/options.js';
import { checkpointShape } from './checkpoint-options.js';
import { jointSchema } from './joint.js';
import { logShape } from './log-options.js';
import { modelOptionsShape } from './model.js';
import { optimisationShape } from './optimisation.js';
import { stageSchema } from './stage.js';

const text = z.string().min(1);

/** How the options of a run (TrainOptions) are stored in its `config.json`. */
export const optionsShape = {
  model: text,
  ...modelOptionsShape,
  data: text,
  ...dataOptionsShape,
  joint: jointSchema.exactOptional(),
  init: text.exactOptional(),
  initHead: z.literal('fresh').exactOptional(),
  epochs: z.int().positive(),
  freeze: z.array(text).min(1).exactOptional(),
  unfreeze: z.array(text).min(1).exactOptional(),
  stages: z.array(stageSchema).min(1).exactOptional(),
  batchSize: z.int().positive(),
  ...optimisationShape,
  ...checkpointShape,
  ...logShape,
  seed: z.int().nonnegative(),
  sampler: text.exactOptional(),
  classWeights: text.exactOptional(),
  exclude: text.exactOptional(),
  augment: z
    .array(z.unknown())
    .transform(given => resolveSpec(given, 'options.augment'))
    .exactOptional(),
  precision: z.enum(['f32', 'amp']).exactOptional(),
  limit: z.int().positive().exactOptional(),
  mean: z.array(z.number()).min(1).exactOptional(),
  std: z.array(z.number().positive()).min(1).exactOptional(),
};
