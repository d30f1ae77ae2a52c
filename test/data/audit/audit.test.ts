import { describe, expect, it } from 'vitest';
import { auditDataSet, auditDefaults, type Audit } from '../../../src/data/audit/audit.js';
import { chooseExclusions, type ConflictRule } from '../../../src/data/audit/choose.js';
import { findingsCsv } from '../../../src/data/audit/findings.js';
import { correlation, deviation } from '../../../src/data/audit/similarity.js';
import { summariseAudit } from '../../../src/data/audit/summary.js';
import type { DataSet } from '../../../src/data/dataset.js';
import { dataSet, picture, PIXELS, retaken } from './pictures.js';

const near = (seed: number) => retaken(picture(seed), seed);
const blank = (value: number) => new Uint8Array(PIXELS).fill(value);

/**
 * train: 0 = test 0; 1, 2 and 3 the same with labels 1, 1 and 0; 4 near val 0, whose copy is val 1; 5 alone; 6 and 7 blank
 * and alike; 8 blank but for a few grey levels; 9 near 10.
 */
const known = dataSet({
  train: [
    { image: picture(1), label: 0 },
    { image: picture(2), label: 1 },
    { image: picture(2), label: 1 },
    { image: picture(2), label: 0 },
    { image: near(3), label: 2 },
    { image: picture(4), label: 2 },
    { image: blank(0), label: 0 },
    { image: blank(0), label: 1 },
    { image: blank(100).map((value, i) => value + (i % 3)), label: 1 },
    { image: picture(5), label: 1 },
    { image: near(5), label: 2 },
  ],
  val: [
    { image: picture(3), label: 2 },
    { image: picture(3), label: 2 },
    { image: picture(6), label: 0 },
  ],
  test: [
    { image: picture(1), label: 0 },
    { image: picture(7), label: 1 },
  ],
});

const audit = auditDataSet(known, auditDefaults);
const places = (groups: Audit['identical']) =>
  groups.map(({ members }) => members.map(({ split, index }) => `${split} ${index}`));
const excluded = (rule: ConflictRule, of = audit) =>
  chooseExclusions(of, rule).map(({ split, index, reason }) => `${split} ${index}: ${reason}`);

describe('auditDataSet', () => {
  it('finds images that are the same in every byte, within splits and across', () => {
    expect(places(audit.identical)).toEqual([
      ['train 0', 'test 0'],
      ['train 1', 'train 2', 'train 3'],
      ['train 6', 'train 7'],
      ['val 0', 'val 1'],
    ]);
    expect(audit.identical.map(({ conflict }) => conflict)).toEqual([false, true, true, false]);
    expect(audit.identical[0]!.splits).toEqual(['train', 'test']);
    expect(audit.identical.every(({ distinct }) => distinct === 1)).toBe(true);
  });

  it('finds near duplicates, with all copies of each', () => {
    expect(places(audit.near)).toEqual([
      ['train 4', 'val 0', 'val 1'],
      ['train 9', 'train 10'],
    ]);
    expect(audit.near.map(({ distinct }) => distinct)).toEqual([2, 2]);
    const [first, second] = audit.near[1]!.members;
    expect(first!.similarity).toBe(1);
    expect(second!.similarity).toBeGreaterThan(0.98);
    expect(second!.similarity).toBeLessThan(1);
  });

  it('finds blank images, and compares them with nothing', () => {
    expect(audit.blank.map(({ split, index }) => `${split} ${index}`)).toEqual(['train 6', 'train 7', 'train 8']);
    expect(audit.blank[2]!.deviation).toBeCloseTo(Math.sqrt(2 / 3), 10);
    expect(auditDataSet(known, { ...auditDefaults, blank: 0 }).blank).toEqual([]);
  });

  it('looks for identical images only where it is told so', () => {
    const exact = auditDataSet(known, { ...auditDefaults, near: false });
    expect(exact.near).toEqual([]);
    expect(exact.identical).toEqual(audit.identical);
    expect(summariseAudit(exact, false).near).toBeUndefined();
  });

  it('takes pictures for near only when hash and correlation agree', () => {
    expect(auditDataSet(known, { ...auditDefaults, correlation: 0.9999 }).near).toEqual([]);
    const many = dataSet({ train: Array.from({ length: 150 }, (_, i) => ({ image: picture(100 + i), label: 0 })) });
    expect(auditDataSet(many, auditDefaults).near).toEqual([]);
  });

  it('compares colours: grey pictures of other colours are near, not identical', () => {
    const grey = known.splits.train;
    const tinted = (images: Uint8Array, tint: number) =>
      Uint8Array.from({ length: images.length * 3 }, (_, i) => {
        return Math.min(255, images[Math.floor(i / 3)]! + (i % 3 === 2 ? tint : 0));
      });
    const half = grey.images.subarray(PIXELS, 2 * PIXELS);
    const colour: DataSet = {
      ...known,
      channels: 3,
      splits: {
        train: { count: 1, images: tinted(half, 0), labels: Uint8Array.of(1) },
        val: { count: 1, images: tinted(half, 20), labels: Uint8Array.of(1) },
        test: { count: 1, images: tinted(half, 0), labels: Uint8Array.of(1) },
      },
    };
    const found = auditDataSet(colour, auditDefaults);
    expect(places(found.identical)).toEqual([['train 0', 'test 0']]);
    expect(places(found.near)).toEqual([['train 0', 'val 0', 'test 0']]);
  });

  it('compares large images by their thumbnails, and copies by every byte', () => {
    const large = (images: Uint8Array) => {
      const [side, times] = [24, 4];
      const out = new Uint8Array(images.length * times ** 2);
      out.forEach((_, i) => {
        const [row, x] = [Math.floor(i / (side * times)), i % (side * times)];
        const image = Math.floor(row / (side * times));
        const y = row % (side * times);
        out[i] = images[(image * side + Math.floor(y / times)) * side + Math.floor(x / times)]!;
      });
      return out;
    };
    const { train, val, test } = known.splits;
    const enlarged: DataSet = {
      ...{ ...known, height: 96, width: 96 },
      splits: {
        train: { ...train, images: large(train.images) },
        val: { ...val, images: large(val.images) },
        test: { ...test, images: large(test.images) },
      },
    };
    const found = auditDataSet(enlarged, auditDefaults);
    expect(places(found.identical)).toEqual(places(audit.identical));
    expect(places(found.near)).toEqual(places(audit.near));
    expect(found.near[1]!.members[1]!.similarity).toBeCloseTo(audit.near[1]!.members[1]!.similarity, 6);
    // One pixel of one image: no longer the same, still near.
    enlarged.splits.train.images[0]! ^= 1;
    const after = auditDataSet(enlarged, auditDefaults);
    expect(places(after.identical)).not.toContainEqual(['train 0', 'test 0']);
    expect(places(after.near)).toContainEqual(['train 0', 'test 0']);
  });

  it('tells how far it is, up to the end', () => {
    const heard: number[] = [];
    auditDataSet(known, { ...auditDefaults, onProgress: fraction => heard.push(fraction) });
    expect(heard).toEqual([...heard].sort((x, y) => x - y));
    expect(heard.at(-1)).toBe(1);
  });
});

describe('summariseAudit', () => {
  it('counts groups, extra copies and what stands where it should not', () => {
    expect(summariseAudit(audit, true)).toEqual({
      identical: {
        ...{ groups: 4, extra: 5, acrossSplits: 1, conflicts: 2 },
        ...{ valInTrain: 0, testInTrain: 1, testInVal: 0 },
      },
      near: {
        ...{ groups: 5, extra: 7, acrossSplits: 2, conflicts: 3 },
        ...{ valInTrain: 2, testInTrain: 1, testInVal: 0 },
      },
      blank: 3,
    });
  });
});

describe('chooseExclusions', () => {
  it('keeps one of each group: of test, else of validation, else the first of training', () => {
    expect(excluded('keep').sort()).toEqual([
      'train 0: identical to test 0',
      'train 10: near train 9',
      'train 2: identical to train 1',
      'train 3: identical to train 1',
      'train 4: near val 0',
      'train 6: blank',
      'train 7: blank',
      'train 8: blank',
      'val 1: near val 0',
    ]);
  });

  it('keeps a copy with the label of the majority, none where there is none', () => {
    expect(excluded('majority')).toEqual(
      expect.arrayContaining([
        'train 2: identical to train 1',
        'train 3: identical to train 1',
        'train 9: copies with different labels',
        'train 10: copies with different labels',
      ]),
    );
    const minorityFirst = dataSet({
      train: [0, 1, 1].map(label => ({ image: picture(1), label })),
      test: [{ image: picture(1), label: 0 }],
      val: [{ image: picture(1), label: 1 }],
    });
    expect(excluded('majority', auditDataSet(minorityFirst, auditDefaults)).sort()).toEqual([
      'test 0: identical to val 0',
      'train 0: identical to val 0',
      'train 1: identical to val 0',
      'train 2: identical to val 0',
    ]);
  });

  it('drops all copies with different labels', () => {
    const dropped = excluded('drop').filter(line => line.endsWith('copies with different labels'));
    expect(dropped).toHaveLength(5);
    expect(dropped.join()).not.toContain('val');
  });

  it('never leaves a training copy of a test image', () => {
    for (const rule of ['keep', 'majority', 'drop'] as const) {
      expect(excluded(rule).some(line => line.startsWith('train 0:'))).toBe(true);
    }
  });
});

describe('findingsCsv', () => {
  it('has a line for every image of every finding', () => {
    const lines = findingsCsv(known, audit, chooseExclusions(audit, 'keep')).trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 9 + 5 + 3);
    expect(lines[0]).toBe('finding,group,images,splits,conflict,split,index,name,label,class,value,excluded');
    expect(lines[1]).toBe('identical,1,2,train test,no,train,0,,0,a,1,identical to test 0');
    expect(lines[2]).toBe('identical,1,2,train test,no,test,0,,0,a,1,');
    expect(lines).toContain('blank,,1,train,no,train,8,,1,b,0.8165,blank');
    expect(lines.filter(line => line.startsWith('near,1,3,train val,no,'))).toHaveLength(3);
  });

  it('quotes names with commas and quotes', () => {
    const { train } = known.splits;
    const names = Array.from(train.labels, (_, i) => (i === 0 ? 'a, "b".png' : `${i}.png`));
    const named = { ...known, splits: { ...known.splits, train: { ...train, names } } };
    expect(findingsCsv(named, audit, [])).toContain('train,0,"a, ""b"".png",0,a,1,\n');
  });
});

describe('similarity', () => {
  it('is one under other light, minus one for the negative, zero for a constant', () => {
    const image = picture(9);
    expect(correlation(image, image)).toBeCloseTo(1, 12);
    expect(
      correlation(
        image,
        image.map(value => 255 - value),
      ),
    ).toBeCloseTo(-1, 12);
    expect(correlation(image, blank(7))).toBe(0);
    expect(deviation(blank(200))).toBe(0);
    expect(deviation(Uint8Array.of(0, 2, 4, 6))).toBeCloseTo(Math.sqrt(5), 12);
  });
});
