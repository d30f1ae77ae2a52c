import { describe, expect, it } from 'vitest';
import { excludeImages, formatExclusions } from '../../src/data/exclude.js';
import type { DataSet, Split } from '../../src/data/dataset.js';
import { fingerprintOf, rowsFingerprintOf } from '../../src/data/fingerprint.js';
import { UserError } from '../../src/util/errors.js';
import { dataSet, picture } from './audit/pictures.js';
import { useTemporaryFolder } from './fixtures.js';

const folder = useTemporaryFolder();
const data = dataSet({
  train: [0, 1, 2, 3].map(seed => ({ image: picture(seed), label: seed % 3 })),
  val: [{ image: picture(4), label: 1 }],
  test: [
    { image: picture(5), label: 2 },
    { image: picture(6), label: 0 },
  ],
});
const list = formatExclusions(data, [
  { split: 'test', index: 1, reason: 'near train 0' },
  { split: 'train', index: 2, reason: 'said "no", twice' },
  { split: 'train', index: 0, reason: 'blank' },
]);

async function rejection(text: string): Promise<string> {
  const file = await folder.write('list.csv', text);
  const error: unknown = await excludeImages(data, file).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).toContain(file);
  return (error as UserError).message;
}

describe('an exclusion list', () => {
  it('names data, split and index, in order', () => {
    expect(list.split('\n')).toEqual([
      '# facegrad exclusions 1',
      '# data pictures',
      `# fingerprint ${data.fingerprint}`,
      'split,index,reason',
      'train,0,blank',
      'train,2,"said ""no"", twice"',
      'test,1,near train 0',
      '',
    ]);
  });

  it('leaves out the images that it names and no other', async () => {
    const left = await excludeImages(data, await folder.write('list.csv', list));
    const expected = dataSet({
      train: [1, 3].map(seed => ({ image: picture(seed), label: seed % 3 })),
      val: [{ image: picture(4), label: 1 }],
      test: [{ image: picture(5), label: 2 }],
    });
    expect(left.splits).toEqual(expected.splits);
    expect(left.fingerprint).toBe(expected.fingerprint);
    expect(left).toMatchObject({ name: 'pictures', labelling: '3 images excluded' });
    expect(data.splits.train.count).toBe(4);
  });

  it('takes targets and names along, and says so beside what is said already', async () => {
    const { train } = data.splits;
    const targets = Float32Array.from({ length: 12 }, (_, i) => i);
    const soft = { ...train, targets, names: ['w', 'x', 'y', 'z'] };
    const named = { ...data, labelling: 'majority', splits: { ...data.splits, train: soft } };
    const own = list.replace(data.fingerprint, rowsFingerprintOf(named));
    const left = await excludeImages(named, await folder.write('list.csv', own));
    expect(left.splits.train.names).toEqual(['x', 'z']);
    expect([...left.splits.train.targets!]).toEqual([3, 4, 5, 9, 10, 11]);
    expect(left.labelling).toBe('majority, 3 images excluded');
  });

  it('serves the same rows in every size, and no others', async () => {
    const rows = (size: number, names: readonly string[], labels = [0, 1, 2]): DataSet => {
      const images = new Uint8Array(3 * size * size).fill(size);
      const train: Split = { count: 3, images, labels: Uint8Array.from(labels), names };
      const empty: Split = { count: 0, images: new Uint8Array(), labels: new Uint8Array() };
      const content = { classes: ['a', 'b', 'c'], channels: 1, height: size, width: size };
      const all = { ...content, splits: { train, val: empty, test: empty } };
      return { name: 'rows', ...all, fingerprint: fingerprintOf(all) };
    };
    const names = ['x', 'y', 'z'];
    const own = formatExclusions(rows(8, names), [{ split: 'train', index: 1, reason: 'blank' }]);
    const file = await folder.write('list.csv', own);
    const left = await excludeImages(rows(4, names), file);
    expect(left.splits.train.names).toEqual(['x', 'z']);
    expect(left.splits.train.images.length).toBe(2 * 16);
    for (const other of [rows(8, ['x', 'z', 'y']), rows(8, names, [0, 2, 1])]) {
      await expect(excludeImages(other, file)).rejects.toThrow('made for other data');
    }
  });

  it('that is empty leaves the data as they are', async () => {
    expect(await excludeImages(data, await folder.write('list.csv', formatExclusions(data, [])))).toBe(data);
  });

  it('for other data is refused, with both fingerprints', async () => {
    const other = dataSet({ train: [{ image: picture(9), label: 0 }] });
    const message = await rejection(formatExclusions(other, []));
    expect(message).toContain('made for other data');
    expect(message).toContain(other.fingerprint);
    expect(message).toContain(data.fingerprint);
  });

  it.each([
    ['split,index,reason\ntrain,0,x\n', 'line 1: expected "# facegrad exclusions 1"'],
    ['', 'line 1'],
    [list.slice(0, 60), 'not a whole exclusion list'],
    [list.replace(/# fingerprint.*\n/, ''), 'no fingerprint'],
    [list.replace('train,2', 'train,4'), 'line 6: train image 4 does not exist: train has 4'],
    [list.replace('train,2', 'train,-2'), 'line 6: expected split (train, val, test), index and reason'],
    [list.replace('train,2', 'dev,2'), 'line 6: expected split'],
    [list.replace('train,2', 'train,0'), 'line 6: train image 0 is named twice'],
    [`${list}train,1,x\ntrain,3,x\n`, 'excludes all training images'],
  ])('is refused where it is damaged: %j', async (text, reason) => {
    expect(await rejection(text)).toContain(reason);
  });

  it('must be there', async () => {
    await expect(excludeImages(data, `${folder.path()}/none.csv`)).rejects.toThrow('none.csv: no such exclusion list');
    await expect(excludeImages(data, folder.path())).rejects.toThrow('cannot be read');
  });
});
