/** What a compiler says of one place in a WGSL text. */
export interface Diagnosis {
  readonly severity: 'error' | 'warning' | 'info';
  /** From 1; 0 where the text as a whole is meant. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Compiles `code`, then a pipeline of each entry point, and gives what was said against them. */
export async function diagnose(
  gpu: GPUDevice,
  code: string,
  entryPoints: Iterable<string>,
  wait: <T>(promise: Promise<T>) => Promise<T>,
): Promise<Diagnosis[]> {
  // Else the error would count as a fault of the device.
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ code });
  const fault = await wait(gpu.popErrorScope());
  const { messages } = await wait(module.getCompilationInfo());
  const found: Diagnosis[] = [...messages].map(({ type, lineNum, linePos, message }) => {
    return { severity: type, line: lineNum, column: linePos, message };
  });
  if (found.some(({ severity }) => severity === 'error')) return found;
  if (fault) return [...found, { severity: 'error', line: 0, column: 0, message: fault.message }];
  // One after the other: a driver compiles them in all its threads anyway.
  for (const entryPoint of entryPoints) {
    const pipeline = gpu.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint } });
    try {
      await wait(pipeline);
    } catch (error) {
      const message = `${entryPoint}: ${error instanceof Error ? error.message : String(error)}`;
      found.push({ severity: 'error', line: 0, column: 0, message });
    }
  }
  return found;
}
