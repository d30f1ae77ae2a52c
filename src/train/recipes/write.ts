import { stringify } from 'yaml';
import type { TrainOptions } from '../types.js';
import { jointForRecipe } from './joint.js';
import { optionPlaces, type About } from './layout.js';

/** What stands above the fields of a recipe that facegrad writes. */
export interface RecipeHead {
  readonly about?: About | undefined;
  /** Comes first. */
  readonly comment: string;
}

/** The recipe of a run with these options, every default written out. */
export function recipeText(options: TrainOptions, { about, comment }: RecipeHead): string {
  const groups: Record<string, Record<string, unknown>> = {};
  for (const [key, place] of optionPlaces()) {
    const [group, field] = place.split('.') as [string, string];
    const value = key === 'joint' && options.joint ? jointForRecipe(options.joint) : options[key];
    if (value !== undefined && !isIdle(key, options)) (groups[group] ??= {})[field] = value;
  }
  const lines = comment.split('\n').map(line => `# ${line}\n`);
  return lines.join('') + stringify(about ? { about, ...groups } : groups, { lineWidth: 120 });
}

/** Whether an option is there only because every run has it, though it decides nothing in this one. */
function isIdle(key: keyof TrainOptions, { optimizer, nesterov, stages }: TrainOptions): boolean {
  if (key === 'lr') return stages?.every(({ lr }) => lr !== undefined) ?? false;
  if (key === 'momentum') return optimizer === 'adam' || optimizer === 'adamw';
  return key === 'nesterov' && !nesterov;
}
