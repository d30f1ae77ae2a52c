import { readFile } from 'node:fs/promises';
import type { Diagnosis } from '../../gpu/diagnose.js';
import { openDevice, shaderNames, shaderText } from '../../gpu/node.js';
import { parseShader } from '../../gpu/shader.js';
import { UserError } from '../../util/errors.js';

/** What the compiler said of one file. */
export interface Validation {
  readonly file: string;
  readonly entryPoints: readonly string[];
  readonly diagnoses: readonly Diagnosis[];
  /** What is printed of them. */
  readonly lines: readonly string[];
}

/**
 * Compiles each file, and each entry point in it, by Dawn without a driver: no GPU is needed, and what only some adapters have
 * (subgroups, 16-bit floats, subgroup matrices) is allowed. Without names: every file of shaders/.
 * @throws UserError for a file that cannot be read
 */
export async function validateShaders(files: readonly string[]): Promise<Validation[]> {
  const texts =
    files.length === 0
      ? shaderNames().map(name => [`shaders/${name}.wgsl`, shaderText(name)] as const)
      : await Promise.all(files.map(async file => [file, await readText(file)] as const));
  const device = await openDevice({ backend: 'null', precision: 'amp' });
  try {
    const results: Validation[] = [];
    for (const [file, text] of texts) {
      const { entryPoints, fault } = entryPointsOf(file, text);
      const diagnoses = [...(await device.diagnose(text, entryPoints)), ...fault];
      results.push({ file, entryPoints, diagnoses, lines: diagnosisLines(file, text, diagnoses) });
    }
    return results;
  } finally {
    device.destroy();
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function entryPointsOf(file: string, text: string): { entryPoints: string[]; fault: Diagnosis[] } {
  const fault = (message: string): Diagnosis[] => [{ severity: 'error', line: 0, column: 0, message }];
  try {
    const entryPoints = [...parseShader(file.replace(/\.wgsl$/, ''), text).entryPoints];
    return { entryPoints, fault: entryPoints.length > 0 ? [] : fault('has no entry point') };
  } catch (error) {
    return { entryPoints: [], fault: fault((error as Error).message) };
  }
}

/** `file:line:column: error: message`, the line itself and a mark below it. */
export function diagnosisLines(file: string, text: string, diagnoses: readonly Diagnosis[]): string[] {
  const source = text.split('\n');
  return diagnoses.flatMap(({ severity, line, column, message }) => {
    if (line === 0) return [`${file}: ${severity}: ${message}`];
    const shown = source[line - 1] ?? '';
    return [
      `${file}:${line}:${column}: ${severity}: ${message}`,
      `  ${shown}`,
      `  ${' '.repeat(Math.max(0, column - 1))}^`,
    ];
  });
}
