import { readFile } from 'node:fs/promises';
import { closest } from 'fastest-levenshtein';
import { parse } from 'yaml';
import { UserError } from '../../util/errors.js';
import { PRESET_NAMES, presetSpec } from './presets.js';
import { resolveSpec } from './spec.js';
import type { AugmentSpec } from './transforms.js';

/**
 * An augmentation as the command line takes it: a preset's name, a list of transforms as YAML or JSON, or the path of a
 * .yaml, .yml or .json file that holds such a list, by itself or as `augment`.
 *
 * @throws {UserError} when it is none of them, or the list is not a valid spec
 */
export async function readAugment(given: string): Promise<AugmentSpec> {
  const preset = presetSpec(given);
  if (preset) return preset;
  if (/\.(ya?ml|json)$/i.test(given)) {
    const content = parseText(await readText(given), given);
    const holder = typeof content === 'object' && content !== null && 'augment' in content ? content.augment : content;
    return resolveSpec(holder, given);
  }
  if (given.trimStart().startsWith('[')) return resolveSpec(parseText(given, '--augment'), '--augment');
  throw new UserError(
    `--augment ${given}: did you mean ${closest(given, PRESET_NAMES)}? Give a preset (${PRESET_NAMES.join(', ')}), ` +
      "a list such as '[{horizontal-flip: {p: 0.5}}]', or a .yaml or .json file",
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(`--augment ${file} cannot be read: ${(error as Error).message}`);
  }
}

function parseText(text: string, where: string): unknown {
  try {
    // JSON is YAML too.
    return parse(text);
  } catch (error) {
    throw new UserError(`${where} is neither YAML nor JSON: ${(error as Error).message}`);
  }
}
