import { join, resolve } from 'node:path';
import { kindOf } from '../../train/files.js';
import { requirePossible } from '../../train/study/definition.js';
import { JournalFile } from '../../train/study/journal-file.js';
import { readStudy } from '../../train/study/read.js';
import { JOURNAL_NAME } from '../../train/study/saved.js';
import { Study } from '../../train/study/study.js';
import { workerId } from '../../train/study/worker.js';
import { UserError } from '../../util/errors.js';
import type { TuneFlags } from './flags.js';

/**
 * The study that the command line asks for, begun or gone on with, and where its trials go.
 * @param base where studies lie by default
 */
export async function openStudy(flags: TuneFlags, base = ''): Promise<{ study: Study; out: string }> {
  // Not commander's to ask for: it would ask its subcommands' users too.
  if (flags.study === undefined) throw new UserError('tune needs --study <file>: `facegrad tune --help` shows how');
  // Trials may be resumed from another folder.
  if (flags.data !== undefined && flags.data !== 'synthetic') flags.data = resolve(flags.data);
  const { epochs, limit, set = [], trials } = flags;
  const definition = await readStudy(flags.study, [
    ...(epochs === undefined ? [] : [`training.epochs=${epochs}`]),
    ...(limit === undefined ? [] : [`data.limit=${limit}`]),
    ...set,
  ]);
  requirePossible(definition, flags.data);
  const out = flags.out ?? join(base, 'studies', definition.name);
  if ((await kindOf(out)) === 'file') throw new UserError(`--out ${out} is a file; name a folder`);
  const worker = workerId();
  const journal = await JournalFile.open(flags.storage ?? join(out, JOURNAL_NAME), worker, { create: true });
  const study = await Study.open(journal, { ...definition, ...(trials === undefined ? {} : { trials }) }, worker);
  return { study, out };
}
