import { targets, type Target } from '../../bench/study/targets.js';
import { UserError } from '../../util/errors.js';
import { suggestion } from '../suggest.js';

/** @throws UserError, with the nearest name, where there is none of that name */
export function findTarget(name: string): Target {
  const names = targets.map(target => target.name);
  const found = targets.find(target => target.name === name);
  if (found) return found;
  throw new UserError(`no kernel is called '${name}': ${suggestion(name, names)}`);
}
