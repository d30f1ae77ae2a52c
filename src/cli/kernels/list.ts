import { formatSizes, targets } from '../../bench/study/targets.js';
import { shaderNames, shaderText } from '../../gpu/node.js';
import { outline, type Outline } from '../../gpu/outline.js';
import { parseShader, type Shader } from '../../gpu/shader.js';

export interface ListFlags {
  json?: true;
}

interface Listed extends Outline {
  readonly file: string;
  readonly params: Shader['params'];
}

/** `facegrad kernels`. */
export function listKernels({ json }: ListFlags): void {
  const shaders = shaderNames().map((name): Listed => {
    const shader = parseShader(name, shaderText(name));
    return { file: `shaders/${name}.wgsl`, params: shader.params, ...outline(shader) };
  });
  if (json) {
    const named = targets.map(({ name, summary, sizes }) => ({ name, summary, sizes }));
    console.log(JSON.stringify({ shaders, targets: named }, null, 2));
    return;
  }
  const known = targets.map(({ name, summary, sizes }) => `  ${name}: ${summary}\n      --shape ${formatSizes(sizes)}`);
  const lines = [...shaders.flatMap(shaderLines), 'for show and run:', ...known];
  console.log(lines.join('\n'));
}

function shaderLines({ file, entryPoints, bindings, constants, params }: Listed): string[] {
  const lines = [file];
  for (const { name, line, workgroupSize, bindings: used } of entryPoints) {
    lines.push(`  ${name}  (line ${line}, workgroup ${workgroupSize})  ${used.join(', ')}`);
  }
  for (const { name, index, access, type } of bindings) {
    lines.push(`    @${index} ${access.padEnd(10)} ${name}: ${type}`);
  }
  if (constants.length > 0)
    lines.push(`    constants ${constants.map(({ name, value }) => `${name}=${value}`).join(', ')}`);
  if (params.length > 0) lines.push(`    Params ${params.map(({ name, type }) => `${name}: ${type}`).join(', ')}`);
  return [...lines, ''];
}
