import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import promises, { mkdtemp, open, readdir, readFile, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeLogs, OPERATION } from '../../../src/interop/optuna-journal.js';
import { JournalFile } from '../../../src/train/study/journal-file.js';
import { withJournalLock } from '../../../src/train/study/journal-lock.js';

let folder: string;
let path: string;
let lock: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-journal-'));
  path = join(folder, 'journal.log');
  lock = `${path}.lock`;
  return () => rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const GRACE_MS = 20;
const take = () => withJournalLock(path, () => Promise.resolve('mine'), GRACE_MS);
const names = async () => (await readdir(folder)).sort();

describe("a journal's lock", () => {
  it('is put back where another process has taken a dead one away and made its own in between', async () => {
    await writeFile(lock, '');
    let found = '';
    const { rename, link } = promises;
    vi.spyOn(promises, 'rename').mockImplementationOnce((from, to) => {
      rmSync(lock);
      writeFileSync(lock, 'theirs');
      return rename(from, to);
    });
    vi.spyOn(promises, 'link').mockImplementation(async (from, to) => {
      await link(from, to);
      found = await readFile(lock, 'utf8');
      await unlink(lock);
    });
    syncBuiltinESMExports();
    expect(await take()).toBe('mine');
    expect(found).toBe('theirs');
    expect(await names()).toEqual([]);
  });

  it('stays with the process that has taken it from one that stood still', async () => {
    await withJournalLock(path, async isHeld => {
      expect(await isHeld()).toBe(true);
      await unlink(lock);
      expect(await isHeld()).toBe(false);
      await writeFile(lock, '');
      expect(await isHeld()).toBe(false);
    });
    expect(await readFile(lock, 'utf8')).toBe('');
    expect(await names()).toEqual(['journal.log.lock']);
  });

  it.each(['journal.log', 'studies/journal.log'])(
    'of Optuna that a killed process has left, a link to %s, is taken away',
    async target => {
      await writeFile(path, '');
      await symlink(target, lock);
      expect(await take()).toBe('mine');
      expect(await names()).toEqual(['journal.log']);
    },
  );

  it('that was being taken away by a process that was killed goes when the journal is opened next', async () => {
    for (const left of ['old', 'new']) await writeFile(`${lock}${left}.rename`, '');
    await writeFile(`${path}.old.rename`, 'no lock');
    await utimes(`${lock}old.rename`, 1, 1);
    await utimes(`${path}.old.rename`, 1, 1);
    await JournalFile.open(path, 'me', { create: true });
    expect(await names()).toEqual(['journal.log', 'journal.log.locknew.rename', 'journal.log.old.rename']);
  });
});

describe('a journal', () => {
  const study = (name: string) => ({ op_code: OPERATION.createStudy, study_name: name, directions: [1] });
  const theirs = encodeLogs([{ worker_id: 'other', ...study('theirs') }]);
  const namesIn = (journal: JournalFile) => journal.replay.studies.map(({ name }) => name);

  it('keeps what another process has appended while this one stood still with the lock', async () => {
    const journal = await JournalFile.open(path, 'me', { create: true });
    const seen: string[][] = [];
    await journal.transact(() => {
      seen.push(namesIn(journal));
      if (seen.length === 1) {
        renameSync(lock, `${lock}.gone`);
        appendFileSync(path, theirs);
      }
      return { append: [study('mine')], result: undefined };
    });
    expect(seen).toEqual([[], ['theirs']]);
    expect(namesIn(journal)).toEqual(['theirs', 'mine']);
    const other = await JournalFile.open(path, 'another');
    expect(namesIn(other)).toEqual(['theirs', 'mine']);
  });

  it('is appended to at its end, where another process has got on at the very last moment', async () => {
    const journal = await JournalFile.open(path, 'me', { create: true });
    const handle = await open(path);
    const prototype = Object.getPrototypeOf(handle) as { write: (...given: unknown[]) => unknown };
    await handle.close();
    const { write } = prototype;
    vi.spyOn(prototype, 'write').mockImplementationOnce(function (this: unknown, ...given) {
      appendFileSync(path, theirs);
      return write.apply(this, given);
    });
    await journal.transact(() => ({ append: [study('mine')], result: undefined }));
    expect(readFileSync(path, 'utf8').startsWith(theirs)).toBe(true);
    expect(namesIn(journal)).toEqual(['theirs', 'mine']);
  });
});
