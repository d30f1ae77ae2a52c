import { readFile } from 'node:fs/promises';
import { UserError } from '../util/errors.js';
import { csvLine } from './csv-line.js';
import { selectImages, SPLIT_NAMES, type DataSet, type Split, type SplitName } from './dataset.js';
import { fingerprintOf, rowsFingerprintOf } from './fingerprint.js';

/** An image to leave out. */
export interface Exclusion {
  readonly split: SplitName;
  /** Its place in the split as the data set is read, from 0. */
  readonly index: number;
  /** For people. */
  readonly reason: string;
}

/**
 * The text of an exclusion list:
 *
 *     # facegrad exclusions 1
 *     # data FER-2013
 *     # fingerprint 5c0f…
 *     split,index,reason
 *     train,59,identical to test 3
 *
 * The fingerprint is that of the rows of the data whose indices these are, so that a list serves every size in which their
 * images are packed.
 */
const MAGIC = '# facegrad exclusions 1';
const FINGERPRINT = '# fingerprint ';
const HEAD = 'split,index,reason';

export function formatExclusions(data: DataSet, list: readonly Exclusion[]): string {
  const place = ({ split, index }: Exclusion) => SPLIT_NAMES.indexOf(split) * 2 ** 32 + index;
  const lines = [...list]
    .sort((a, b) => place(a) - place(b))
    .map(({ split, index, reason }) => csvLine([split, String(index), reason]));
  const name = data.name.replaceAll(/\s+/g, ' ');
  return [MAGIC, `# data ${name}`, `${FINGERPRINT}${rowsFingerprintOf(data)}`, HEAD, lines.join('')].join('\n');
}

/**
 * `data` without the images that the exclusion list in `file` names. Its labelling tells how many are missing, and its
 * fingerprint is that of what is left.
 *
 * @throws {UserError} where the file is no such list, belongs to other data, names an image twice or one that does not
 * exist, or leaves nothing to train on
 */
export async function excludeImages(data: DataSet, file: string): Promise<DataSet> {
  const list = parseExclusions(await readList(file), file, data);
  if (list.length === 0) return data;
  const keep = (name: SplitName): Split => {
    const split = data.splits[name];
    const left = new Uint8Array(split.count).fill(1);
    for (const exclusion of list) if (exclusion.split === name) left[exclusion.index] = 0;
    const indices = Uint32Array.from({ length: split.count }, (_, i) => i).filter(i => left[i] === 1);
    return indices.length === split.count ? split : selectImages(split, indices);
  };
  const splits = { train: keep('train'), val: keep('val'), test: keep('test') };
  if (splits.train.count === 0) throw new UserError(`${file}: excludes all training images of ${data.name}`);
  const content = { ...data, splits };
  const excluded = `${list.length.toLocaleString('en')} images excluded`;
  const labelling = data.labelling === undefined ? excluded : `${data.labelling}, ${excluded}`;
  return { ...content, labelling, fingerprint: fingerprintOf(content) };
}

/** The list in `text`, checked against the data that it is to be taken from. */
function parseExclusions(text: string, file: string, data: DataSet): Exclusion[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines[0] !== MAGIC) {
    throw new UserError(`${file}, line 1: expected "${MAGIC}"; \`facegrad data audit\` writes such lists`);
  }
  const head = lines.indexOf(HEAD);
  const fingerprint = lines.slice(0, Math.max(head, 0)).find(line => line.startsWith(FINGERPRINT));
  if (head < 0 || fingerprint === undefined) {
    throw new UserError(
      `${file}: not a whole exclusion list: it has no ${head < 0 ? `line "${HEAD}"` : 'fingerprint'}`,
    );
  }
  const wanted = fingerprint.slice(FINGERPRINT.length).trim();
  const own = rowsFingerprintOf(data);
  if (wanted !== own) {
    throw new UserError(
      `${file}: made for other data: its fingerprint is ${wanted}, that of the rows of ${data.name} as it is read here ` +
        `${own}; make a list for these data with facegrad data audit and the same options`,
    );
  }
  const seen = new Set<string>();
  return lines.slice(head + 1).map((line, i) => {
    const place = `${file}, line ${head + i + 2}`;
    const [, name = '', digits = '', reason = ''] = /^([^,]*),([^,]*)(?:,(.*))?$/.exec(line) ?? [];
    const split = SPLIT_NAMES.find(known => known === name.trim());
    const index = /^\d+$/.test(digits.trim()) ? Number(digits) : NaN;
    if (split === undefined || Number.isNaN(index)) {
      throw new UserError(`${place}: expected split (${SPLIT_NAMES.join(', ')}), index and reason, found "${line}"`);
    }
    const { count } = data.splits[split];
    if (index >= count) throw new UserError(`${place}: ${split} image ${index} does not exist: ${split} has ${count}`);
    if (seen.has(`${split} ${index}`)) throw new UserError(`${place}: ${split} image ${index} is named twice`);
    seen.add(`${split} ${index}`);
    return { split, index, reason };
  });
}

async function readList(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new UserError(`${file}: no such exclusion list`);
    throw new UserError(`${file}: the exclusion list cannot be read: ${message}`);
  }
}
