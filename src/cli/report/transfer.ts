import { signed, transferChanges, transferRows, type TransferRecord } from '../../evaluate/transfer/index.js';
import { columns, loss, percent, whole } from './format.js';

/** The forgetting table for people. */
export function transferLines(record: TransferRecord): string[] {
  const rows = transferRows(record);
  const changes = transferChanges(record);
  const head = ['', 'images', 'accuracy', 'balanced', 'macro F1', 'loss'];
  const part = (title: string, from: number, what: string) => [
    [title],
    ...rows
      .slice(from, from + 2)
      .map(({ when, scores }) => [
        `  ${when}`,
        ...(scores
          ? [
              whole(scores.count),
              ...[percent(scores.accuracy), percent(scores.balancedAccuracy), scores.macroF1.toFixed(4)],
              loss(scores.loss),
            ]
          : ['not done yet']),
      ]),
    ...changes
      .filter(change => change.what === what)
      .map(({ accuracy, balancedAccuracy, macroF1 }) => [
        ...[`  ${what}`, '', `${signed(accuracy)} pp`, `${signed(balancedAccuracy)} pp`],
        `${macroF1 < 0 ? '' : '+'}${macroF1.toFixed(4)}`,
      ]),
  ];
  const table = columns([head, ...part('@new', 0, 'gain'), ...part('@old', 2, 'forgetting')], 'lr');
  // Names of data sets may be long, and are not to make the first column so.
  const titles: Record<string, string> = { '@new': record.to.data, '@old': record.from.data };
  return [`${record.options.model}, test splits:`, ...table.map(line => titles[line.trim()] ?? line)];
}
