import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addDataOptions, dataFlagsOf, formatNames, labelRules, labelSpaces } from '../../src/cli/data-options.js';
import { FORMAT_NAMES } from '../../src/data/formats/names.js';
import { FORMATS } from '../../src/data/formats/registry.js';
import { LABEL_RULES } from '../../src/data/labels/ferplus.js';
import { LABEL_SPACES } from '../../src/data/labels/spaces.js';

function parse(args: string[], sharesFlag?: '--split' | '--shares') {
  const command = addDataOptions(
    new Command('x').exitOverride().configureOutput({ writeErr: () => undefined }),
    sharesFlag,
  );
  command.parse(args, { from: 'user' });
  return dataFlagsOf(command.opts());
}

describe('data options', () => {
  it('name what there is', () => {
    expect(formatNames).toEqual(FORMAT_NAMES);
    expect(FORMATS.map(({ name }) => name).sort()).toEqual([...FORMAT_NAMES].sort());
    expect(labelRules).toEqual(LABEL_RULES);
    expect(labelSpaces).toEqual(Object.keys(LABEL_SPACES));
  });

  it('give what the loader takes', async () => {
    const given =
      '--dataset raf-db --label-source csv --split 64/16/20 --split-seed 3 --map-labels fer2013 --classes-keep angry,happy ' +
      '--per-class 100 --max-bad 2.5 --channels 1 --image-size 64 --label-rule sampled --labels v.csv --min-relfcs 0.5 --equalize';
    expect(await parse(given.split(' '))).toEqual({
      ...{ dataset: 'raf-db', labelSource: 'csv', split: [64, 16, 20], splitSeed: 3, mapLabels: 'fer2013' },
      ...{ classesKeep: ['angry', 'happy'], perClass: 100, maxBad: 2.5, channels: 1, imageSize: 64 },
      ...{ labelRule: 'sampled', labels: 'v.csv', minRelfcs: 0.5, equalize: true },
    });
    expect(await parse(['--shares', '8/1/1'], '--shares')).toEqual({ split: [8, 1, 1] });
    expect(await dataFlagsOf({ split: 'val' })).toEqual({});
  });

  it.each([
    ['--split', '64/16', 'Give three numbers between slashes'],
    ['--split', '0/1/1', 'The first share is that of training images'],
    ['--split', 'a/b/c', 'Give three numbers'],
    ['--classes-keep', 'angry', 'Give two or more names'],
    ['--dataset', 'rafdb', 'Did you mean raf-db?'],
    ['--max-bad', '101', 'from 0 to 100'],
    ['--channels', '2', 'Valid are: 1, 3'],
  ])('refuse %s %s', async (flag, value, message) => {
    expect(() => parse([flag, value])).toThrow(message);
    return Promise.resolve();
  });
});
