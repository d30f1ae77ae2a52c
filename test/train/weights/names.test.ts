import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalNames } from '../../../src/train/weights/names.js';

/** Layers of timm 1.0.29 and, of torchvision 0.14's network, those with entries of the same shapes in the same order. */
const layers = JSON.parse(readFileSync(new URL('timm-names.json', import.meta.url), 'utf8')) as Record<
  string,
  Record<string, string>
>;

const entriesOf = (list: readonly string[], entries = ['weight', 'bias', 'num_batches_tracked']) =>
  new Map(list.flatMap(layer => entries.map(entry => `${layer}.${entry}`)).map((name, i) => [name, i]));

describe("canonicalNames, with the names of timm's and torchvision's networks", () => {
  it.each(Object.entries(layers))('%s', (_, pairs) => {
    const torchvision = [...entriesOf(Object.values(pairs))];
    expect([...canonicalNames(entriesOf(Object.keys(pairs)))]).toEqual(torchvision);
    expect([...canonicalNames(new Map(torchvision))]).toEqual(torchvision);
  });

  it.each(['mobilenet-v2', 'efficientnet-b0'])('needs no classifier and no counts of batches: %s', model => {
    const kept = Object.entries(layers[model]!).filter(([layer]) => layer !== 'classifier');
    const [timm, torchvision] = [kept.map(([theirs]) => theirs), kept.map(([, ours]) => ours)];
    expect(canonicalNames(entriesOf(timm, ['weight']))).toEqual(entriesOf(torchvision, ['weight']));
  });

  it('leaves names alone that are not all of one network', () => {
    const timm = Object.keys(layers['efficientnet-b0']!);
    for (const list of [timm.slice(1), [...timm, 'blocks.7.0.bn1'], ['conv_stem'], [], ['w']]) {
      const state = entriesOf(list);
      expect(canonicalNames(state)).toBe(state);
    }
    const bare = new Map([['w', 1]]);
    expect(canonicalNames(bare)).toBe(bare);
  });
});
