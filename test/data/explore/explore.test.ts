import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { exploreDataSet } from '../../../src/data/explore/explore.js';
import { externalReferences, requireWellFormed } from '../../plots/markup.js';
import { dataSet, picture } from '../audit/pictures.js';

const images = (labels: number[], from: number) => labels.map((label, i) => ({ image: picture(from + i), label }));
const data = dataSet({ train: images([0, 0, 0, 1, 0], 0), val: images([1, 2], 10) }, 'A <small> set');
const options = { split: 'train', count: 2, seed: 1 } as const;
const figures = ['class-distribution', 'class-shares', 'pixel-intensity', 'average-faces', 'samples'];

describe('exploreDataSet', () => {
  it('draws every figure as SVG and PNG, and one page with all of them', async () => {
    const files = await exploreDataSet(data, options);
    expect([...files.keys()].sort()).toEqual(
      [...figures.flatMap(name => [`${name}.svg`, `${name}.png`]), 'index.html'].sort(),
    );
    for (const name of figures) {
      const svg = files.get(`${name}.svg`) as string;
      requireWellFormed(svg.replace(/^<\?xml.*\?>\n/, ''));
      expect(externalReferences(svg)).toEqual([]);
      const png = PNG.sync.read(Buffer.from(files.get(`${name}.png`) as Uint8Array));
      expect(new Set(png.data).size).toBeGreaterThan(5);
    }
    const page = files.get('index.html') as string;
    requireWellFormed(/<body>[^]*<\/body>/.exec(page)![0]);
    expect(externalReferences(page)).toEqual([]);
    expect(page.match(/<svg /g)).toHaveLength(figures.length);
    expect(page).toContain('A &lt;small&gt; set');
    expect(page).toContain('4 (80.0 %)');
    expect(page).toContain('no train image of c');
  });

  it('chooses samples by seed', async () => {
    const samples = async (seed: number) => (await exploreDataSet(data, { ...options, seed })).get('samples.svg');
    expect(await samples(1)).toBe(await samples(1));
    expect(await samples(1)).not.toBe(await samples(2));
  });

  it('refuses a split without images', async () => {
    await expect(exploreDataSet(data, { ...options, split: 'test' })).rejects.toThrow(
      'A <small> set has no test images',
    );
  });
});
