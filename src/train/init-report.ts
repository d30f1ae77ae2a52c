import * as z from 'zod';

/** How what became of the weights that a run began from is stored in its `config.json`. */
export const initReportSchema = z.strictObject({
  file: z.string().min(1),
  /** SHA-256 of the file, 64 hexadecimal digits. */
  fingerprint: z.string().min(1),
  /** Entries of the model that were taken as they are. */
  matched: z.int().nonnegative(),
  /** Entries that were taken in another form, with what was done. */
  adapted: z.record(z.string(), z.string()),
  /** Entries of the model that keep their fresh values, with the reason. */
  fresh: z.record(z.string(), z.string()),
  /** Entries of the file that nothing took. */
  left: z.array(z.string()),
});

/** What became of the weights that a run began from. */
export type InitReport = z.infer<typeof initReportSchema>;

/** Names that a line lists before it only counts them. */
const MOST_NAMES = 6;

/** The report for people. */
export function initLines({ file, matched, adapted, fresh, left }: InitReport): string[] {
  const total = matched + Object.keys(adapted).length + Object.keys(fresh).length;
  return [
    `weights from ${file}: ${matched} of the model's ${total} entries taken as they are`,
    ...byReason(adapted).map(([how, names]) => `  adapted: ${listed(names)}: ${how}`),
    ...byReason(fresh).map(([why, names]) => `  fresh: ${listed(names)}: ${why}`),
    ...(left.length > 0 ? [`  left in the file: ${listed(left)}`] : []),
  ];
}

/** Names by what is said of them, in order. */
function byReason(entries: Readonly<Record<string, string>>): [reason: string, names: string[]][] {
  const groups = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(entries)) groups.set(reason, [...(groups.get(reason) ?? []), name]);
  return [...groups];
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
