import { describe, expect, it } from 'vitest';
import { FER2013_CLASSES } from '../../../src/data/fer2013/layout.js';
import { keepClasses, mapLabels, parseLabelMap } from '../../../src/data/labels/map.js';
import { AFFECTNET_CLASSES, RAFDB_CLASSES } from '../../../src/data/labels/spaces.js';

const images = (...labels: number[]) => labels.map((label, slot) => ({ slot, label }));

describe('parseLabelMap', () => {
  it("gives RAF-DB and AffectNet FER-2013's ids", () => {
    const raf = parseLabelMap('fer2013', RAFDB_CLASSES);
    expect(raf.classes).toEqual(FER2013_CLASSES);
    // surprise, fear, disgust, happiness, sadness, anger, neutral
    expect(raf.to).toEqual([5, 2, 1, 3, 4, 0, 6]);
    // anger, contempt, disgust, fear, happy, neutral, sad, surprise
    expect(parseLabelMap('fer2013', AFFECTNET_CLASSES).to).toEqual([0, undefined, 1, 2, 3, 6, 4, 5]);
  });

  it('maps between all known spaces and back', () => {
    const { to } = parseLabelMap('raf-db', FER2013_CLASSES);
    expect(to.map(id => RAFDB_CLASSES[id!])).toEqual([
      ...['anger', 'disgust', 'fear', 'happiness', 'sadness', 'surprise', 'neutral'],
    ]);
    expect(parseLabelMap('ferplus', AFFECTNET_CLASSES).to.every(id => id !== undefined)).toBe(true);
  });

  it('takes pairs: renames, joins, leaves out', () => {
    const map = parseLabelMap('grief=sad, Rage=angry ,terror=-', ['anger', 'grief', 'rage', 'sad', 'terror']);
    expect(map.classes).toEqual(['anger', 'sad', 'angry']);
    expect(map.to).toEqual([0, 1, 2, 1, undefined]);
  });

  it.each([
    ['fer', 'give one of fer2013, ferplus, raf-db, affectnet, or pairs'],
    ['joy=happy', 'there is no class joy; there are surprise, fear'],
    ['fear=', '"fear=" is no pair'],
    ['fear=a,fear=b', 'fear is mapped twice'],
    ['toString', 'give one of'],
  ])('refuses %s', (text, message) => {
    expect(() => parseLabelMap(text, RAFDB_CLASSES)).toThrow(message);
  });

  it('refuses a map that leaves nothing to tell apart', () => {
    expect(() => parseLabelMap('fer2013', ['cats', 'dogs'])).toThrow('of cats, dogs it leaves fewer than two classes');
  });
});

describe('mapLabels', () => {
  it('drops images of classes that are left out', () => {
    const map = { classes: ['x', 'y'], to: [1, undefined, 0] };
    expect(mapLabels(images(0, 1, 2, 0), map)).toEqual([
      { slot: 0, label: 1 },
      { slot: 2, label: 0 },
      { slot: 3, label: 1 },
    ]);
  });

  it('joins and scales soft targets', () => {
    const map = { classes: ['x', 'y'], to: [0, undefined, 1, 1] };
    const [mapped] = mapLabels([{ slot: 4, label: 0, target: [0.4, 0.2, 0.25, 0.15] }], map);
    expect(mapped!.target![0]).toBeCloseTo(0.5);
    expect(mapped!.target![1]).toBeCloseTo(0.5);
    const [outweighed] = mapLabels([{ slot: 4, label: 0, target: [0.4, 0, 0.3, 0.3] }], map);
    expect(outweighed!.label).toBe(1);
    expect(mapLabels([{ slot: 4, label: 1, target: [0.1, 0.9, 0, 0] }], map)).toEqual([]);
  });
});

describe('keepClasses', () => {
  it("keeps the data set's order, whatever order is asked for", () => {
    const map = keepClasses(['happy', 'Angry', 'fear', 'disgust'], FER2013_CLASSES);
    expect(map.classes).toEqual(['angry', 'disgust', 'fear', 'happy']);
    expect(map.to).toEqual([0, 1, 2, 3, undefined, undefined, undefined]);
  });

  it.each([
    [['angry', 'joy'], 'there is no class joy'],
    [['angry', 'Angry'], 'needs two classes'],
  ])('refuses %j', (keep, message) => {
    expect(() => keepClasses(keep, FER2013_CLASSES)).toThrow(message);
  });
});
