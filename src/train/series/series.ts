import type { DataSet } from '../../data/dataset.js';
import { foldSplits, foldWarning } from '../../data/folds.js';
import type { SeriesFolder } from './folder.js';
import { trainMember, type MemberContext } from './member.js';
import type { SeriesSummary } from './summary.js';

export interface SeriesContext extends MemberContext {
  /** Told what is about to happen. */
  readonly note: (text: string) => void;
}

/**
 * Trains the runs of a series one after the other, and writes down after each what came of them. Those that have finished are
 * left alone; the one that was stopped goes on where it stood. Ends after the run under way when the signal is aborted.
 *
 * @param data as the source has them: folds are drawn here
 * @throws UserError where the data are not those that the series was begun with, and where another process trains it
 */
export async function trainSeries(folder: SeriesFolder, data: DataSet, context: SeriesContext): Promise<SeriesSummary> {
  const unlock = await folder.lock();
  try {
    return await trainAll(folder, data, context);
  } finally {
    await unlock();
  }
}

async function trainAll(folder: SeriesFolder, data: DataSet, context: SeriesContext): Promise<SeriesSummary> {
  const { plan, members } = folder;
  folder.requireData(data);
  const warning = plan.kind === 'folds' ? foldWarning(data, plan.count) : undefined;
  if (warning !== undefined) context.note(`warning: ${warning}`);
  let summary = await folder.update();
  for (const [i, member] of members.entries()) {
    if (context.signal.aborted) break;
    if (await folder.finished(member)) continue;
    const { fold, splitSeed } = member.options;
    context.note(`${plan.kind === 'folds' ? 'fold' : 'repeat'} ${i + 1} of ${plan.count}: ${member.path}`);
    await trainMember(member, fold ? foldSplits(data, fold, splitSeed) : data, context);
    summary = await folder.update();
  }
  return summary;
}
