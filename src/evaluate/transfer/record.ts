import * as z from 'zod';
import { optionsShape } from '../../train/options.js';

const scoresSchema = z.strictObject({
  /** Test images. */
  count: z.int().positive(),
  /** Mean cross-entropy. */
  loss: z.number(),
  accuracy: z.number(),
  balancedAccuracy: z.number(),
  macroF1: z.number(),
  /** By class, in the order of `classes`; null for one without images. */
  recall: z.array(z.number().nullable()),
});

/** What a network reaches on the test split of a data set. */
export type TransferScores = z.infer<typeof scoresSchema>;

export const recordSchema = z.strictObject({
  /** Version of facegrad that began the transfer. */
  facegrad: z.string().min(1),
  /** ISO 8601. */
  created: z.string().min(1),
  /** The run that the network comes from, the data that it was trained on, and where they lie now. */
  from: z.strictObject({
    run: z.string().min(1),
    /** SHA-256 of its best weights. */
    weights: z.string().min(1),
    data: z.string(),
    path: z.string().min(1),
  }),
  to: z.strictObject({ data: z.string(), fingerprint: z.string().min(1) }),
  /** Of the run that fine-tunes. */
  options: z.strictObject(optionsShape),
  /** The classes, by the words of the first run. */
  classes: z.array(z.string()).min(2),
  zeroShot: scoresSchema.exactOptional(),
  sourceBefore: scoresSchema.exactOptional(),
  fineTuned: scoresSchema.exactOptional(),
  sourceAfter: scoresSchema.exactOptional(),
});

/** The content of `transfer.json`: what a transfer is to do, and what came of the parts that are done. */
export type TransferRecord = z.infer<typeof recordSchema>;

/** The parts of a transfer that are evaluations, in order. */
export type Measurement = 'zeroShot' | 'sourceBefore' | 'fineTuned' | 'sourceAfter';
