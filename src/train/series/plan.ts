import { join } from 'node:path';
import * as z from 'zod';
import { optionsShape } from '../options.js';
import { aboutSchema } from '../recipes/index.js';
import type { Member } from './member.js';

/** Folds are the parts of a cross-validation, repeats the same run from several seeds. */
export const SERIES_KINDS = ['folds', 'repeats'] as const;

export type SeriesKind = (typeof SERIES_KINDS)[number];

export const planShape = {
  /** Version of facegrad that began the series. */
  facegrad: z.string().min(1),
  /** ISO 8601. */
  created: z.string().min(1),
  kind: z.enum(SERIES_KINDS),
  count: z.int().min(2),
  /** Of every run, but for what tells one from another. */
  options: z.strictObject(optionsShape),
  /** Of the recipe that the runs follow. */
  about: aboutSchema.exactOptional(),
  data: z.strictObject({ name: z.string(), fingerprint: z.string().min(1) }),
};

/** What decides the runs of a series. */
export type SeriesPlan = z.infer<z.ZodObject<typeof planShape>>;

/**
 * The runs of a series in `folder`: `fold-1` … with a fold each, or `seed-0` … with the options' seed and those after it. Each
 * is an ordinary run that says in its own options which it is, so that it can be resumed, repeated and evaluated by itself.
 */
export function membersOf({ kind, count, options, about }: SeriesPlan, folder: string): Member[] {
  return Array.from({ length: count }, (_, i) => {
    const own =
      kind === 'folds' ? { ...options, fold: { index: i + 1, of: count } } : { ...options, seed: options.seed + i };
    const name = kind === 'folds' ? `fold-${i + 1}` : `seed-${own.seed}`;
    const which = kind === 'folds' ? `Fold ${i + 1} of ${count}.` : `Repeat ${i + 1} of ${count}.`;
    return { path: join(folder, name), options: own, head: { about, comment: which } };
  });
}
