import { UserError } from '../util/errors.js';

/** The device is gone: its driver was reset, or the GPU unplugged. What was saved can be gone on with on another one. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}

/** The GPU has no memory for what was asked of it; smaller batches may fit. */
export class OutOfGpuMemoryError extends UserError {
  override readonly name = 'OutOfGpuMemoryError';

  constructor(
    /** What had no room. */
    readonly what: string,
    /** Where the driver had no more: bytes that were asked for in vain, and those that it had given by then. */
    readonly lack?: { readonly wanted: number; readonly held: number },
    { remedy = 'reduce the batch size or the input size', cause }: { remedy?: string; cause?: unknown } = {},
  ) {
    super(`${what}; ${remedy}`, { cause });
  }

  /** The same fault, with what can be done about it. */
  advising(remedy: string): OutOfGpuMemoryError {
    return new OutOfGpuMemoryError(this.what, this.lack, { remedy, cause: this });
  }
}

/** A number of bytes for people. */
export function formatMebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
}
