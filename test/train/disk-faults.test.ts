import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DiskFullError, keepAs, kindOf } from '../../src/train/files.js';
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

describe('a file that is kept under a second name', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  const contents = async () =>
    Object.fromEntries(
      await Promise.all((await fs.readdir(folder)).map(async name => [name, await fs.readFile(file(name), 'utf8')])),
    ) as Record<string, string>;
  const failing = (operation: 'link' | 'copyFile' | 'rename', code: string) => {
    vi.spyOn(fs, operation).mockRejectedValue(Object.assign(new Error(`${code}: ${operation}`), { code }));
    syncBuiltinESMExports();
  };

  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'facegrad-kept-'));
    await fs.writeFile(file('last'), 'two');
    await fs.writeFile(file('previous'), 'one');
    return () => fs.rm(folder, { recursive: true, force: true });
  });

  it.each(['with', 'without'])('takes the place of what bore that name, on a disk %s second names', async which => {
    if (which === 'without') failing('link', 'EPERM');
    await keepAs(file('last'), file('previous'));
    await fs.writeFile(file('new'), 'three');
    await fs.rename(file('new'), file('last'));
    expect(await contents()).toEqual({ last: 'three', previous: 'two' });
  });

  it.each([
    ['a full disk', 'ENOSPC', DiskFullError, 'the disk is full'],
    ['a folder that may not be written', 'EROFS', UserError, 'EROFS'],
    ['a disk that fails', 'EIO', Error, 'EIO'],
  ] as const)('leaves all as it was on %s', async (_, code, kind, reason) => {
    for (const operations of [['rename'], ['link', 'copyFile']] as const) {
      for (const operation of operations) failing(operation, code);
      const told: unknown = await keepAs(file('last'), file('previous')).catch((error: unknown) => error);
      vi.restoreAllMocks();
      syncBuiltinESMExports();
      expect((told as Error).constructor).toBe(kind);
      expect((told as Error).message).toBe(expectedMessage(reason, operations));
      expect(await contents()).toEqual({ last: 'two', previous: 'one' });
    }

    function expectedMessage(reason: string, operations: readonly string[]): string {
      const why = code === 'ENOSPC' ? reason : `${reason}: ${operations.at(-1)!}`;
      return `${file('previous')} cannot be written: ${why}`;
    }
  });
});
