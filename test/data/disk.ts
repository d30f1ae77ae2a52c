import { open, type FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';

type Operation = 'read' | 'write' | 'sync';

/**
 * From now on, until mocks are restored, what open files do goes wrong where `fault` gives an error; it is told the position
 * in the file.
 */
export async function failing(
  operation: Operation,
  fault: (file: FileHandle, position: number) => Error | undefined,
): Promise<void> {
  const own = await open(fileURLToPath(import.meta.url));
  const prototype = Object.getPrototypeOf(own) as Record<Operation, (...args: unknown[]) => Promise<unknown>>;
  await own.close();
  const real = prototype[operation];
  vi.spyOn(prototype, operation).mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
    const error = fault(this, Number(args[3]));
    if (error) throw error;
    return real.apply(this, args);
  });
}
