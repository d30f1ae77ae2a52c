import { scatter } from '../../plots/index.js';
import { overlayOf, pictureOf } from '../explain/overlay.js';
import type { Example } from './examples.js';
import { gallery, type Shown } from './gallery.js';
import type { MapMaterial, RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { decimal, integer, percent, wholePercent } from './text.js';

const METHODS = { 'grad-cam': 'Grad-CAM', 'grad-cam++': 'Grad-CAM++' } as const;

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
  // Each image as the network got it, and beside it the same under its map.
  const shown = ({ label, predicted, confidence }: Example, n: number): Shown[] => [
    {
      picture: pictureOf(explanations, n),
      caption: [label === predicted ? wholePercent(confidence) : `as ${classes[predicted]!}`],
    },
    { picture: overlayOf(explanations, n), caption: label === predicted ? [] : [wholePercent(confidence)] },
  ];
  const grid = (right: boolean, title: string) => {
    const groups = classes.map((label, k) => ({
      label,
      shown: examples.flatMap((example, n) =>
        example.label === k && (example.predicted === k) === right ? shown(example, n) : [],
      ),
    }));
    const found = groups.filter(({ shown }) => shown.length > 0);
    return found.length === 0 ? [] : [gallery(title, { height, width, channels: 3 }, found)];
  };
  const checked =
    sanity.compared === 0
      ? 'No image has a map both with these weights and with random ones, so that they cannot be compared'
      : sanity.passed
        ? 'With random weights the maps are others, as they should be'
        : 'With random weights the maps are nearly the same: they show the image, not what was learnt';
  return {
    heading: 'What it looks at',
    text: [
      method === 'smooth-grad'
        ? 'SmoothGrad of the predicted class: beside each image as the network got it, where a change would change the answer.'
        : `${METHODS[method]} of the predicted class at ${layer}: beside each image as the network got it, what speaks for that class.`,
      'The hotter, from blue over green and yellow to red, the less is seen of the image. Images stand under their true class, ' +
        'with the confidence of the prediction.',
      `${checked} (rank correlation ${decimal(sanity.correlation, 2)}, mean difference ${decimal(sanity.difference, 2)}).`,
      `${percent(central)} of the heat lies in the middle of the picture, which is ${percent(centralArea)} of its area.`,
    ].join('\n'),
    figures: [
      ...grid(true, 'Right, and sure').map(svg => ({ name: 'maps-right', svg })),
      ...grid(false, 'Wrong, and sure').map(svg => ({ name: 'maps-wrong', svg })),
    ],
  };
}
