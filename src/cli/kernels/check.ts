import { validateShaders } from '../../bench/study/validate.js';

export interface CheckFlags {
  json?: true;
}

/** `facegrad kernels check`: whether all of them compile. */
export async function checkKernels(files: readonly string[], { json }: CheckFlags): Promise<boolean> {
  const results = await validateShaders(files);
  const failed = results.filter(({ diagnoses }) => diagnoses.some(({ severity }) => severity === 'error'));
  if (json) {
    const plain = results.map(({ file, entryPoints, diagnoses }) => ({ file, entryPoints, diagnoses }));
    console.log(JSON.stringify({ correct: failed.length === 0, files: plain }, null, 2));
    return failed.length === 0;
  }
  for (const { lines } of results) if (lines.length > 0) console.log(lines.join('\n'));
  const entries = results.reduce((sum, { entryPoints }) => sum + entryPoints.length, 0);
  const count = `${results.length} ${results.length === 1 ? 'file' : 'files'}, ${entries} entry points`;
  console.log(failed.length === 0 ? `${count}: all compile` : `${count}: ${failed.length} with errors`);
  return failed.length === 0;
}
