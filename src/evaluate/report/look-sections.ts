import { drawImageGrid, scatter } from '../../plots/index.js';
import { overlayOf, pictureOf } from '../explain/overlay.js';
import type { MapMaterial, RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { decimal, integer, percent } from './text.js';

const SHOWN = 96;

/** What the network looks at, and how it arranges images. */
export async function lookSections({ maps, embedding, assessment }: RunMaterial): Promise<ReportSection[]> {
  const sections: ReportSection[] = [];
  if (maps) sections.push(mapSection(maps, assessment.classes));
  if (embedding) {
    const { method, layer, dimensions, points } = embedding;
    const name = method === 'tsne' ? 't-SNE' : 'UMAP';
    sections.push({
      heading: 'Embedding',
      text:
        `The ${dimensions} features that go into ${layer}, of ${integer(points.length)} images, brought to the plane by ${name}. ` +
        'Near points were alike; distances between far ones mean little.',
      figures: [
        {
          name: 'embedding',
          svg: await scatter(
            `Penultimate features (${name})`,
            points.map(({ x, y, label, predicted }) => ({
              ...{ x, y, series: assessment.classes[label]!, wrong: label !== predicted },
            })),
            assessment.classes,
          ),
        },
      ],
    });
  }
  return sections;
}

function mapSection(maps: MapMaterial, classes: readonly string[]): ReportSection {
  const { examples, explanations, sanity, central, centralArea } = maps;
  const { height, width, method, layer } = explanations;
  const rows = [true, false].flatMap(right =>
    classes.flatMap((name, k) => {
      const own = examples.flatMap((example, n) =>
        example.label === k && (example.predicted === k) === right ? [{ ...example, n }] : [],
      );
      return own.length === 0 ? [] : [{ name, right, own }];
    }),
  );
  const grid = (right: boolean) =>
    drawImageGrid({
      title: right ? 'Right, and sure' : 'Wrong, and sure',
      ...{ height, width, channels: 3, scale: Math.max(1, Math.round(SHOWN / height)) },
      rows: rows
        .filter(row => row.right === right)
        .map(({ name, own }) => ({
          label: right
            ? name
            : `${name} as ${[...new Set(own.map(({ predicted }) => classes[predicted]!))].join(', ')}`,
          images: own.flatMap(({ n }) => [pictureOf(explanations, n), overlayOf(explanations, n)]),
        })),
    });
  const checked =
    sanity.compared === 0
      ? 'No image has a map both with these weights and with random ones, so that they cannot be compared'
      : sanity.passed
        ? 'With random weights the maps are others, as they should be'
        : 'With random weights the maps are nearly the same: they show the image, not what was learnt';
  return {
    heading: 'What it looks at',
    text: [
      `${method} of the predicted class at ${layer}: beside each image as the network got it, what speaks for that class.`,
      `${checked} (rank correlation ${decimal(sanity.correlation, 2)}, mean difference ${decimal(sanity.difference, 2)}).`,
      `${percent(central)} of the heat lies in the middle of the picture, which is ${percent(centralArea)} of its area.`,
    ].join('\n'),
    figures: [true, false]
      .filter(right => rows.some(row => row.right === right))
      .map(right => ({ name: right ? 'maps-right' : 'maps-wrong', svg: grid(right) })),
  };
}
