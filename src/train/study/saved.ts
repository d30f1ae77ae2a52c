import { dirname, join } from 'node:path';
import { isFinished, type JournalStudy, type JournalTrial } from '../../interop/optuna-replay.js';
import { UserError } from '../../util/errors.js';
import { kindOf } from '../files.js';
import { recipeText } from '../recipes/index.js';
import type { TrainOptions } from '../types.js';
import { optionsOfTrial, recipeOfTrial } from './definition.js';
import { JournalFile } from './journal-file.js';
import { bestTrial, subjectOf, valuesOf } from './study.js';
import { workerId } from './worker.js';

/** The journal's name in a study's folder. */
export const JOURNAL_NAME = 'journal.log';

/**
 * A study to look at.
 * @param path a study's folder, or a journal, also one that Optuna wrote
 * @param name needed where the journal has several studies
 * @throws {UserError} where there is none
 */
export async function openSavedStudy(path: string, name?: string): Promise<JournalStudy> {
  const file = (await kindOf(path)) === 'folder' ? join(path, JOURNAL_NAME) : path;
  const { replay } = await JournalFile.open(file, workerId());
  const { studies } = replay;
  const names = studies.map(study => study.name).join(', ');
  if (name !== undefined) {
    const study = replay.study(name);
    if (study) return study;
    throw new UserError(`${file} has no study ${name}; it has ${names || 'none'}`);
  }
  const [study] = studies;
  if (!study) throw new UserError(`${file} has no study`);
  if (studies.length > 1) throw new UserError(`${file} has several studies: choose one with --name: ${names}`);
  return study;
}

/** The folder of a study or of a journal. */
export async function homeOf(path: string): Promise<string> {
  return (await kindOf(path)) === 'folder' ? path : dirname(path);
}

/** @throws {UserError} where no trial is complete */
export function requireBest(study: JournalStudy): JournalTrial & { value: number } {
  const best = bestTrial(study);
  if (best?.value !== undefined) return { ...best, value: best.value };
  const finished = study.trials.filter(isFinished).length;
  throw new UserError(
    `no trial of study ${study.name} is complete yet (${study.trials.length} begun, ${finished} ended)`,
  );
}

/**
 * The best trial as a recipe, every default written out.
 * @throws {UserError} where no trial is complete, and for a study that facegrad did not begin
 */
export function bestRecipe(study: JournalStudy): { text: string; trial: JournalTrial & { value: number } } {
  const trial = requireBest(study);
  const subject = subjectOf(study);
  if (!subject)
    throw new UserError(`study ${study.name} was not begun by facegrad: its journal does not know the recipe`);
  const values = valuesOf(trial);
  const { about, options: given } = recipeOfTrial(subject, values);
  const drawn = Array.from(values, ([place, value]) => `${place} ${JSON.stringify(value)}`).join(', ');
  const comment =
    `${subject.recipe.name}, tuned: trial ${trial.number} of ${study.trials.length} of study ${study.name}, best validation ` +
    `${subject.metric} ${Number(trial.value.toPrecision(6))}.\nFound: ${drawn}.`;
  const options = optionsOfTrial(subject, values, given.data ?? 'synthetic');
  return { text: recipeText(given.data === undefined ? withoutData(options) : options, { about, comment }), trial };
}

/** A recipe that left the data to the command line still does. */
function withoutData(options: TrainOptions): TrainOptions {
  const rest: Partial<TrainOptions> = { ...options };
  delete rest.data;
  return rest as TrainOptions;
}
