import type { DataSet } from '../data/dataset.js';
import { modelRegistry, type ModelDefinition } from '../nn/index.js';
import { UserError } from '../util/errors.js';
import { suggestion } from './suggest.js';

/**
 * The model that is called `name`.
 * @throws UserError with the nearest name and all others
 */
export function findModel(name: string): ModelDefinition {
  const found = Object.hasOwn(modelRegistry, name) ? modelRegistry[name] : undefined;
  if (!found) throw new UserError(`no model is called '${name}': ${suggestion(name, Object.keys(modelRegistry))}`);
  return found;
}

/**
 * Refuses images that the model cannot take.
 * @throws UserError
 */
export function requireInput(name: string, { channels, size }: ModelDefinition, data: DataSet): void {
  if (data.channels === channels && data.height === size && data.width === size) return;
  throw new UserError(
    `${name} takes images of ${channels}x${size}x${size} (channels, height, width); ` +
      `${data.name} has ${data.channels}x${data.height}x${data.width}`,
  );
}
