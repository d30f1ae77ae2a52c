import { DeviceLostError } from '../gpu/errors.js';

/** Full disks, lost devices and the like: what any other run would have met here too. */
export function isMachineFault(error: unknown): boolean {
  if (error instanceof DeviceLostError) return true;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return true;
  return cause !== undefined && isMachineFault(cause);
}
