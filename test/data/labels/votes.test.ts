import { describe, expect, it } from 'vitest';
import { readVotes } from '../../../src/data/labels/votes.js';
import type { DataSet, Split } from '../../../src/data/dataset.js';
import { useTemporaryFolder } from '../fixtures.js';

const folder = useTemporaryFolder();
const HEAD = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
const rows = [
  'Training,a.png,1,9,0,0,0,0,0,0,0,0',
  'PublicTest,,0,0,0,0,0,0,0,0,0,10',
  'PrivateTest,c.png,0,0,2,3,5,0,0,0,0,0',
];

function dataWith(names: readonly string[]): DataSet {
  const split = (own: readonly string[]): Split => ({
    ...{ count: own.length, names: own, images: new Uint8Array(own.length), labels: new Uint8Array(own.length) },
  });
  return {
    ...{ name: 'FER-2013', classes: ['a'], channels: 1, height: 1, width: 1, fingerprint: '' },
    splits: { train: split([]), val: split([]), test: split(names) },
  };
}

describe('readVotes', () => {
  const write = (lines: readonly string[], head = HEAD) => folder.write('votes.csv', [head, ...lines, ''].join('\n'));

  it('goes by the lines of a CSV file of pixels', async () => {
    const votes = await readVotes(await write(rows), dataWith(['line 4', 'line 2', 'line 3']), 'test');
    expect(votes).toEqual([
      [0, 0, 2, 3, 5, 0, 0, 0, 0, 0],
      [1, 9, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
    ]);
  });

  it('goes by the names of image files, and has none of others', async () => {
    const votes = await readVotes(await write(rows), dataWith(['FER2013Test/c.png', 'FER2013Test/d.png']), 'test');
    expect(votes).toEqual([[0, 0, 2, 3, 5, 0, 0, 0, 0, 0], undefined]);
  });

  it('refuses what does not belong together', async () => {
    const read = async (names: string[], lines = rows, head = HEAD) =>
      readVotes(await write(lines, head), dataWith(names), 'test');
    await expect(read(['x/y.jpg'])).rejects.toThrow('has no votes on the test images of FER-2013');
    await expect(read(['line 2', 'line 5'])).rejects.toThrow('has no votes on line 5 of FER-2013: its 3 rows');
    await expect(read(['line 2'], rows, 'a,b')).rejects.toThrow(
      'line 1: the header lacks the columns Image name, neutral',
    );
    await expect(read(['line 2'], ['Training,a.png,x,9,0,0,0,0,0,0,0,0'])).rejects.toThrow(
      'line 2: the votes for neutral are "x", not a number',
    );
    await expect(readVotes(`${folder.path()}/none.csv`, dataWith(['line 2']), 'test')).rejects.toThrow('no such file');
  });
});
