import { modelRegistry, type ModelDefinition } from '../nn/index.js';
import { definitionOf, type ModelChoice } from '../train/model.js';
import { UserError } from '../util/errors.js';
import { suggestion } from './suggest.js';

/**
 * The model that is called so, its options checked.
 * @throws UserError with the nearest name and all others, or for an option that it does not have
 */
export function findModel(choice: ModelChoice): ModelDefinition {
  if (!Object.hasOwn(modelRegistry, choice.model)) {
    throw new UserError(
      `no model is called '${choice.model}': ${suggestion(choice.model, Object.keys(modelRegistry))}`,
    );
  }
  return definitionOf(choice);
}
