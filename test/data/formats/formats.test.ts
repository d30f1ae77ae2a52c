import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SplitName } from '../../../src/data/dataset.js';
import type { Plan } from '../../../src/data/formats/format.js';
import { findFormat } from '../../../src/data/formats/registry.js';
import type { DataOptions } from '../../../src/data/options.js';
import { MemoryStore } from '../../../src/data/store.js';
import { openSource } from '../../../src/data/tree/open.js';
import { csv, row, useTemporaryFolder } from '../fixtures.js';
import { writeFiles, zipOf, type Files } from '../files.js';

const FER = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
/** Formats look at names only, so that most files need no content. */
const named = (...names: string[]): Files => Object.fromEntries(names.map(name => [name, 'x']));
const NO_STORE = new MemoryStore({ channels: 1, height: 1, width: 1 }, []);

describe('formats', () => {
  const folder = useTemporaryFolder();

  async function plan(source: string, options: DataOptions = {}): Promise<{ format: string; plan: Plan }> {
    const opened = await openSource(source, 'something');
    const { format, source: inner } = await findFormat(opened, options);
    return { format: format.name, plan: await format.plan(inner, options) };
  }

  async function planOf(files: Files, options: DataOptions = {}) {
    return plan(await writeFiles(join(folder.path(), 'data'), files), options);
  }

  /** `name label split` of each image. */
  function rows({ plan }: { plan: Plan }): string[] {
    const { pixels, classes } = plan;
    if (pixels.kind !== 'images') throw new Error('no image files');
    return plan
      .images(NO_STORE)
      .map(({ slot, label, split }) =>
        [basename(pixels.files[slot]!.name), classes[label], split].filter(Boolean).join(' '),
      );
  }

  const rafDb = (): Files => ({
    ...named(...[1, 2, 3, 4, 5, 6, 7].map(id => `DATASET/train/${id}/train_${id}_aligned.jpg`)),
    ...named('DATASET/test/4/test_1_aligned.jpg', 'DATASET/test/7/test_2_aligned.jpg'),
  });
  const rafLists = (train = ''): Files => ({
    'train_labels.csv': `image,label\n${[1, 2, 3, 4, 5, 6, 7].map(id => `train_${id}_aligned.jpg,${id}\n`).join('')}${train}`,
    'test_labels.csv': 'image,label\ntest_1_aligned.jpg,4\ntest_2_aligned.jpg,7\n',
  });
  const RAF_ROWS = [
    ...['surprise', 'fear', 'disgust', 'happiness', 'sadness', 'anger', 'neutral'].map(
      (name, i) => `train_${i + 1}_aligned.jpg ${name} train`,
    ),
    ...['test_1_aligned.jpg happiness test', 'test_2_aligned.jpg neutral test'],
  ];

  describe('RAF-DB', () => {
    it.each([
      ['with lists', () => ({ ...rafDb(), ...rafLists() }), {}, 'labels of the csv'],
      ['without lists', rafDb, {}, 'labels of the folder'],
      ['by its folders', () => ({ ...rafDb(), ...rafLists() }), { labelSource: 'folder' }, 'labels of the folder'],
    ] as const)('of Kaggle %s', async (_, files, options, labelling) => {
      const found = await planOf(files(), options);
      expect(found.format).toBe('raf-db');
      expect(rows(found)).toEqual(RAF_ROWS);
      expect(found.plan.labelling).toBe(labelling);
      expect(found.plan.drawValidation).toBe(true);
      expect(found.plan.warnings).toEqual([]);
    });

    it('of Kaggle in a zip archive with an outer folder', async () => {
      const inside = Object.entries({ ...rafDb(), ...rafLists() }).map(([name, text]) => [`archive/${name}`, text]);
      const path = await folder.write('raf.zip', zipOf(Object.fromEntries(inside) as Files));
      const found = await plan(path);
      expect(rows(found)).toEqual(RAF_ROWS);
    });

    it('of its authors', async () => {
      const list = 'train_00001.jpg 5\r\ntest_0001.jpg 7\r\ntrain_00002.jpg 1\n';
      const found = await planOf({
        'basic/EmoLabel/list_patition_label.txt': list,
        ...named('basic/Image/aligned/train_00001_aligned.jpg', 'basic/Image/aligned/train_00002_aligned.jpg'),
        ...named('basic/Image/aligned/test_0001_aligned.jpg', 'basic/Image/original/train_00001.jpg'),
      });
      expect(found.format).toBe('raf-db');
      expect(rows(found)).toEqual([
        ...['train_00001_aligned.jpg sadness train', 'test_0001_aligned.jpg neutral test'],
        'train_00002_aligned.jpg surprise train',
      ]);
    });

    it('warns where lists and folders disagree, or images are not listed', async () => {
      const lists = rafLists();
      lists['train_labels.csv'] = String(lists['train_labels.csv']).replace('train_2_aligned.jpg,2\n', '');
      const { plan } = await planOf({ ...rafDb(), ...lists, ...named('DATASET/train/1/train_3_aligned.jpg') });
      expect(plan.warnings).toEqual(['train: 1 images are not in train_labels.csv and left out']);
      const moved = await planOf({
        ...named(
          'DATASET/train/6/train_1_aligned.jpg',
          'DATASET/train/1/a.jpg',
          'DATASET/test/1/b.jpg',
          'DATASET/test/2/c.jpg',
        ),
        'train_labels.csv': 'image,label\ntrain_1_aligned.jpg,1\n',
        'test_labels.csv': 'image,label\nb.jpg,1\nc.jpg,2\n',
      });
      expect(moved.plan.warnings[0]).toBe("train: 1 images stand in the folder of another label than the CSV's");
    });

    it.each([
      ['out of range', 'a.jpg,8\n', /train_labels\.csv, line 9: the label is 8; it must be from 1 \(surprise\) to 7/],
      ['no number', 'a.jpg,happy\n', /line 9: label is "happy", which is not a number/],
    ])('refuses a label that is %s', async (_, line, message) => {
      await expect(planOf({ ...rafDb(), ...rafLists(line) })).rejects.toThrow(message);
    });

    it('refuses a list without its label column', async () => {
      const lists = { ...rafLists(), 'train_labels.csv': 'image,class\na.jpg,1\n' };
      await expect(planOf({ ...rafDb(), ...lists })).rejects.toThrow(
        /train_labels\.csv, line 1: the header lacks the column label; found: "image", "class"/,
      );
    });
  });

  describe('FER-2013 as folders', () => {
    const train = FER.map((name, i) => `train/${name}/Training_${i}.jpg`);

    it('gives the official validation split back', async () => {
      const test = ['test/happy/PublicTest_1.jpg', 'test/happy/PrivateTest_2.jpg', 'test/sad/PrivateTest_3.jpg'];
      const found = await planOf(named(...train, ...test));
      expect(found.format).toBe('fer2013-folders');
      expect(found.plan.classes).toEqual(FER);
      expect(new Set(rows(found))).toEqual(
        new Set([
          ...FER.map((name, i) => `Training_${i}.jpg ${name} train`),
          ...['PublicTest_1.jpg happy val', 'PrivateTest_2.jpg happy test', 'PrivateTest_3.jpg sad test'],
        ]),
      );
    });

    it('refuses a name that tells nothing', async () => {
      await expect(planOf(named(...train, 'test/sad/im3.jpg'))).rejects.toThrow(
        /test\/sad\/im3\.jpg is not named after an official split.*--dataset image-folder/,
      );
    });

    it('is an image folder where names tell nothing at all', async () => {
      const found = await planOf(named(...FER.map(name => `train/${name}/1.jpg`), 'test/sad/2.jpg'));
      expect([found.format, found.plan.drawValidation]).toEqual(['image-folder', true]);
    });
  });

  describe('FER+', () => {
    const votes = (text: string) => text.split('').join(',');

    it('as folders, every image packed whatever the rule', async () => {
      const files: Files = {
        'FER2013Train/label.csv': `a.png,"(0, 0, 48, 48)",${votes('4001320000')}\nb.png,"(0, 0, 48, 48)",${votes('0000000028')}\n`,
        'FER2013Valid/label.csv': `c.png,"(0, 0, 48, 48)",${votes('0900000000')}\n`,
        'FER2013Test/label.csv': `d.png,"(0, 0, 48, 48)",${votes('0000000900')}\n`,
        ...named('FER2013Train/a.png', 'FER2013Train/b.png', 'FER2013Valid/c.png', 'FER2013Test/d.png'),
      };
      const majority = await planOf(files);
      expect(majority.format).toBe('ferplus-folders');
      expect(rows(majority)).toEqual(['c.png happiness val', 'd.png contempt test']);
      const all = await planOf(files, { labelRule: 'argmax10' });
      expect(rows(all)).toEqual([
        'a.png neutral train',
        'b.png NF train',
        'c.png happiness val',
        'd.png contempt test',
      ]);
      expect(all.plan.labelling).toBe('rule argmax10');
      expect(all.plan.pixels).toMatchObject({
        files: ['a', 'b']
          .map(name => ({ name: `FER2013Train/${name}.png` }))
          .concat([{ name: 'FER2013Valid/c.png' }, { name: 'FER2013Test/d.png' }]),
      });
      expect(majority.plan.pixels.kind === 'images' && majority.plan.pixels.files.length).toBe(4);
    });

    it.each([
      ['too few votes', 'a.png,"(0, 0, 48, 48)",1,2,3', 'a name, a box and ten votes are expected, found 5 cells'],
      ['a vote that is none', `a.png,"(0, 0, 48, 48)",${votes('400132000')},x`, 'the votes for NF are "x"'],
    ])('refuses %s', async (_, line, message) => {
      await expect(planOf({ 'FER2013Train/label.csv': `${line}\n` })).rejects.toThrow(
        `FER2013Train/label.csv, line 1: ${message}`,
      );
    });

    const header = 'Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF';
    const pixels = csv([row(3, 1), row(6, 2, 'PrivateTest'), row(0, 3), row(5, 4)]);
    const lines = [
      `Training,fer0000000.png,${votes('0900000001')}`,
      `PrivateTest,fer0000001.png,${votes('5500000000')}`,
      `Training,,${votes('9000000000')}`,
      `Training,fer0000003.png,${votes('4001320000')}`,
    ];
    /** As the loader keeps them: split after split, named by their lines. */
    const store = new MemoryStore(
      { channels: 1, height: 48, width: 48 },
      ['line 2', 'line 4', 'line 5', 'line 3'],
      new Uint8Array(0),
      [],
      [3, 0, 5, 6],
      ['train', 'train', 'train', 'test'] as SplitName[],
    );

    it('votes of a folder that has both files', async () => {
      const found = await planOf({ 'fer2013.csv': pixels, 'fer2013new.csv': [header, ...lines].join('\n') });
      expect(found.format).toBe('ferplus');
      expect(found.plan.images(store)).toEqual([{ slot: 0, split: 'train', label: 1 }]);
    });

    it('votes given with --labels, by other rules', async () => {
      const labels = await folder.write('votes.csv', [header, ...lines].join('\r\n'));
      const source = await folder.write('fer2013.csv', pixels);
      const found = await plan(source, { labels, labelRule: 'sampled' });
      expect(found.plan.drawsTargets).toBe(true);
      expect(found.plan.images(store)).toEqual([
        { slot: 0, split: 'train', label: 1, target: [0, 1, 0, 0, 0, 0, 0, 0] },
        { slot: 3, split: 'test', label: 0, target: [0.5, 0.5, 0, 0, 0, 0, 0, 0] },
        { slot: 2, split: 'train', label: 0, target: [0.4, 0, 0, 0.1, 0.3, 0.2, 0, 0] },
      ]);
      expect((await plan(source)).format).toBe('fer2013');
    });

    it.each([
      ['too few lines', lines.slice(1), /votes on 3 images, .*fer2013\.csv has 4: they do not belong together/],
      [
        'lines of other images',
        [lines[1]!, lines[0]!, ...lines.slice(2)],
        /line 2: Usage is "PrivateTest", but the image \(line 2 of .*fer2013\.csv\) is in train/,
      ],
    ])('refuses votes with %s', async (_, changed, message) => {
      const labels = await folder.write('votes.csv', [header, ...changed].join('\n'));
      const found = await plan(await folder.write('fer2013.csv', pixels), { labels });
      expect(() => found.plan.images(store)).toThrow(message);
    });

    it('says what is missing where votes stand alone', async () => {
      const alone = await folder.write('fer2013new.csv', [header, ...lines].join('\n'));
      await expect(plan(alone)).rejects.toThrow("these are FER+'s votes; give the images too");
      const source = await folder.write('fer2013.csv', pixels);
      await expect(plan(source, { labels: 'none.csv' })).rejects.toThrow('--labels none.csv: no such file');
      await expect(plan(source, { dataset: 'ferplus' })).rejects.toThrow('FER+ needs its votes: --labels');
    });
  });

  describe('AffectNet-HQ', () => {
    const files: Files = {
      'labels.csv':
        ',pth,label,relFCs\n0,anger/1.jpg,surprise,0.9\n1,anger/2.jpg,anger,0.4\n2,surprise/3.jpg,surprise,0.8\n3,sad/4.jpg,sad,0.7\n',
      ...named('anger/1.jpg', 'anger/2.jpg', 'surprise/3.jpg', 'sad/4.jpg', 'happy/5.jpg'),
    };

    it('by its list, and by its folders', async () => {
      const byList = await planOf(files);
      expect(byList.format).toBe('affectnet');
      expect(rows(byList)).toEqual(['1.jpg surprise', '2.jpg anger', '3.jpg surprise', '4.jpg sad']);
      expect(byList.plan.warnings).toEqual([
        '1 images are not in labels.csv and left out',
        '1 images have another label in labels.csv than their folder; csv counts',
      ]);
      const byFolder = await planOf(files, { labelSource: 'folder' });
      expect(rows(byFolder)).toEqual(['1.jpg anger', '2.jpg anger', '5.jpg happy', '4.jpg sad', '3.jpg surprise']);
      expect(byFolder.plan.labelling).toBe('labels of the folder');
    });

    it('with a bound on relFCs, whichever labels count', async () => {
      const found = await planOf(files, { labelSource: 'folder', minRelfcs: 0.5 });
      expect(rows(found)).toEqual(['1.jpg anger', '3.jpg surprise', '4.jpg sad']);
      expect(found.plan.labelling).toBe('labels of the folder, relFCs of 0.5 or more');
      expect(found.plan.warnings.at(-1)).toBe('1 images have a relFCs below 0.5 and are left out');
    });

    it('refuses an unknown class', async () => {
      const changed = { ...files, 'labels.csv': 'pth,label,relFCs\nanger/1.jpg,rage,1\n' };
      await expect(planOf(changed)).rejects.toThrow(/labels\.csv, line 2: "rage" is none of AffectNet's classes/);
    });
  });

  describe('an image folder', () => {
    it('without splits, its classes by name', async () => {
      const found = await planOf(
        named('terror/1.png', 'amazement/2.jpg', 'amazement/more/3.webp', 'note.txt', 'grief/4.bmp'),
      );
      expect(found.plan.classes).toEqual(['amazement', 'grief', 'terror']);
      expect(rows(found)).toEqual(['2.jpg amazement', '3.webp amazement', '4.bmp grief', '1.png terror']);
    });

    it.each(['val', 'valid', 'Validation'])('with a folder %s', async name => {
      const found = await planOf(named('Train/a/1.png', 'Train/b/2.png', `${name}/b/3.png`, 'test/a/4.png'));
      expect(found.format).toBe('image-folder');
      expect(rows(found).sort()).toEqual(['1.png a train', '2.png b train', '3.png b val', '4.png a test']);
      expect(found.plan.drawValidation).toBeUndefined();
    });

    it.each([
      ['no training split', ['val/a/1.png', 'val/b/2.png'], 'there is val, but no folder train'],
      [
        'two of a split',
        ['train/a/1.png', 'train/b/2.png', 'val/a/3.png', 'valid/a/4.png'],
        'two folders mean the split val',
      ],
      [
        'a class of test alone',
        ['train/a/1.png', 'train/b/2.png', 'test/c/3.png'],
        'test/c is a class that the training',
      ],
      ['an empty split', ['train/a/1.png', 'train/b/2.png', 'test/a/note.txt'], 'there are no images in test'],
    ])('refuses %s', async (_, names, message) => {
      await expect(planOf(named(...names))).rejects.toThrow(message);
    });
  });

  describe('a list of images', () => {
    it('with splits, labels that are numbers, and images elsewhere', async () => {
      const root = await writeFiles(join(folder.path(), 'data'), named('x/1.png', '2.png'));
      const elsewhere = join(await writeFiles(join(folder.path(), 'other'), named('3.png')), '3.png');
      const list = await folder.write(
        'data/list.csv',
        `label,"image",split\n10,./x/1.png,train\n9,2.png,Training\n9,${elsewhere},test\n10,../other/3.png,val\n`,
      );
      const found = await plan(list);
      expect(found.format).toBe('image-list');
      expect(found.plan.classes).toEqual(['9', '10']);
      expect(rows(found)).toEqual(['1.png 10 train', '2.png 9 train', '3.png 9 test', '3.png 10 val']);
      expect((await plan(root)).format).toBe('image-list');
      expect((await plan(list)).plan.warnings).toEqual([]);
    });

    it.each([
      ['no label', 'image,label\na.png,\n', 'line 2: there is no label'],
      ['no image', 'image,label\n,x\nb.png,y\n', 'line 2: there is no image'],
      ['one label', 'image,label\na.png,x\nb.png,x\n', 'all images have the label x'],
      ['no lines', 'image,label\n', 'the list names no images'],
      [
        'an unknown split',
        'image,label,split\na.png,x,dev\nb.png,y,val\n',
        'line 2: the split is "dev"; it must be train',
      ],
    ])('refuses a list with %s', async (_, text, message) => {
      await expect(plan(await folder.write('list.csv', text))).rejects.toThrow(message);
    });

    it('of an archive may not lead out of it', async () => {
      const zip = zipOf({ 'list.csv': 'image,label\n../a.png,x\nb.png,y\n', 'b.png': 'x' });
      await expect(plan(await folder.write('list.zip', zip))).rejects.toThrow(/line 2: "\.\.\/a\.png" leads out of/);
    });
  });

  it('says what was looked for where nothing fits', async () => {
    const nothing = planOf(named('a/b/c.txt', 'd.doc'));
    await expect(nothing).rejects.toThrow(/It holds 2 files and the folders a\. Looked for:\n {2}ferplus-folders: /);
    await expect(nothing).rejects.toMatchObject({ name: 'UserError' });
    const text = await folder.write('names.csv', 'name,age\nJohn,3\n');
    await expect(plan(text)).rejects.toThrow(/It begins with "name,age"\. A file may be:\n {2}fer2013: /);
  });

  it('says what is missing of a forced layout', async () => {
    const files = named('a/1.png', 'b/2.png');
    await expect(planOf(files, { dataset: 'raf-db' })).rejects.toThrow('not laid out as RAF-DB: DATASET/{train,test}');
    await expect(planOf(files, { dataset: 'ferplus-folders' })).rejects.toThrow('FER2013Train/label.csv, which is not');
    await expect(planOf(files, { dataset: 'affectnet' })).rejects.toThrow('AffectNet-HQ has labels.csv');
    await expect(planOf(files, { dataset: 'fer2013' })).rejects.toThrow('no fer2013.csv');
  });
});
