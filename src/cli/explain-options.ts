import { Option } from 'commander';
import { UserError } from '../util/errors.js';
import { oneOf } from './options.js';

// Of src/evaluate/explain, which is not loaded for a help text; a test compares them.
export const explanationMethods = ['grad-cam', 'grad-cam++', 'smooth-grad'] as const;

/** `--method <name>`, one of `methods`. */
export function methodOption(description: string, methods: readonly string[]): Option {
  return new Option('--method <name>', description).choices(methods).argParser(oneOf(methods));
}

/** @throws UserError where a layer is named for a method that looks at none */
export function requireLayered(layer: string | undefined, method: string): void {
  if (layer === undefined || method === 'grad-cam' || method === 'grad-cam++') return;
  throw new UserError(`--layer is for maps of grad-cam and grad-cam++, not for --method ${method}`);
}
