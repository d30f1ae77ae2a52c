import * as z from 'zod';
import { jointSchema, type JointOptions } from '../joint.js';

/** Paths of a joint data set, which are relative to the recipe. */
export const jointPaths = ['path', 'labels', 'exclude'] as const;

/** What a field of joint data is called in a recipe: as the one of the run's own data. */
const nameOf = (key: string) => (key === 'data' ? 'path' : key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`));

const keys = Object.keys(jointSchema.shape) as (keyof JointOptions)[];

/** Joint data as a recipe has them: `{ path: fer2013.csv, share: 0.3, map-labels: fer2013 }`. */
const fields = z.strictObject(Object.fromEntries(keys.map(key => [nameOf(key), jointSchema.shape[key]])));

export const jointFields = Object.keys(fields.shape);

export const jointRecipeSchema = fields.transform(given =>
  Object.fromEntries(keys.filter(key => nameOf(key) in given).map(key => [key, given[nameOf(key)]])),
);

/** The other way round. */
export function jointForRecipe(joint: JointOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(joint).map(([key, value]) => [nameOf(key), value]));
}
