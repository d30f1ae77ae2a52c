import type { ModelSummary } from '../../nn/index.js';
import { bytes, columns, whole, wrap } from './format.js';

/** A network as the listing shows it. */
export interface ListedModel {
  readonly name: string;
  readonly description: string;
  /** Channels, height, width. */
  readonly input: readonly [number, number, number];
  readonly classes: number;
  readonly parameters: number;
  readonly trainable: number;
  /** Multiply-accumulates of one image. */
  readonly macs: number;
  readonly activationBytes: number;
}

const DESCRIPTION_COLUMNS = 38;

/** One line a network. */
export function modelTable(models: readonly ListedModel[]): string[] {
  const rows = models.flatMap(({ name, description, input, parameters, macs }) =>
    wrap(description, DESCRIPTION_COLUMNS).map((text, i) =>
      i === 0 ? [name, input.join('x'), whole(parameters), whole(macs), text] : ['', '', '', '', text],
    ),
  );
  return columns([['model', 'input', 'parameters', 'MACs', 'description'], ...rows], 'llrrl');
}

/** One line a layer, indented by depth, and the totals. */
export function summaryLines(model: ListedModel, { layers, total }: ModelSummary): string[] {
  const head = ['layer', 'output', 'parameters', 'trainable', 'MACs', 'activations'];
  const rows = layers.map(({ name, type, depth, outputShape, ...layer }) => {
    const label = depth === 0 ? type : `${'  '.repeat(depth)}${name.slice(name.lastIndexOf('.') + 1)} ${type}`;
    return [label, outputShape?.join('x') ?? '', ...figures(layer)];
  });
  const sum = ['total', '', ...figures(total)];
  return [
    `${model.name}: ${model.description}`,
    `input ${model.input.join('x')}, ${model.classes} classes, one image`,
    '',
    ...columns([head, ...rows, sum], 'llr'),
  ];
}

function figures({ parameters, trainable, macs, activationBytes }: ModelSummary['total']): string[] {
  const some = (value: number, text: string) => (value === 0 ? '-' : text);
  return [
    some(parameters, whole(parameters)),
    some(trainable, whole(trainable)),
    some(macs, whole(macs)),
    some(activationBytes, bytes(activationBytes)),
  ];
}
