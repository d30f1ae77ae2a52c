import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { kindOf } from '../../src/train/files.js';
import { readText } from '../../src/train/json-file.js';
import { isMachineFault } from '../../src/train/machine-fault.js';
import { UserError } from '../../src/util/errors.js';

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

describe('a disk that answers with', () => {
  const file = join(tmpdir(), 'facegrad-no-such-file');

  it.each([
    ['ESTALE', true],
    ['EIO', true],
    ['ETIMEDOUT', true],
    ['EACCES', false],
    ['ENAMETOOLONG', false],
  ])('%s is at fault, and not the run: %s', async (code, isFault) => {
    const error = Object.assign(new Error(`${code}: no answer`), { code });
    vi.spyOn(fs, 'stat').mockRejectedValue(error);
    vi.spyOn(fs, 'readFile').mockRejectedValue(error);
    syncBuiltinESMExports();
    for (const look of [kindOf, readText]) {
      const told: unknown = await look(file).catch((error: unknown) => error);
      expect(told).toBeInstanceOf(UserError);
      expect((told as Error).message).toContain(file);
      expect(isMachineFault(told)).toBe(isFault);
    }
  });
});
