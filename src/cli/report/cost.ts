import { csvLine } from '../../data/csv-line.js';
import type { ModelCost, ModelSpeed } from '../../evaluate/cost.js';
import { bytes, columns, rate, whole } from './format.js';

/** A line of the cost table; with `--json` printed as it stands. */
export interface CostRow extends ModelCost {
  /** Where it was measured. */
  readonly speed?: ModelSpeed;
  /** Where it was measured, and a data set says how many images that are. */
  readonly secondsPerEpoch?: number;
}

/** One line a network, and what its speed was measured on. */
export function costTable(rows: readonly CostRow[]): string[] {
  const timed = rows.some(({ speed }) => speed);
  const epochs = rows.some(({ secondsPerEpoch }) => secondsPerEpoch !== undefined);
  const head = [
    ...['model', 'input', 'classes', 'parameters', 'MACs', 'activations', 'checkpoint'],
    ...(timed ? ['train img/s', 'infer img/s'] : []),
    ...(epochs ? ['s/epoch'] : []),
  ];
  const lines = rows.map(({ speed, secondsPerEpoch, ...cost }) => [
    ...[cost.model, cost.input.join('x'), String(cost.classes), whole(cost.parameters), whole(cost.macs)],
    ...[bytes(cost.activationBytes), bytes(cost.checkpointBytes)],
    ...(speed ? [rate(speed.training), rate(speed.inference)] : []),
    ...(secondsPerEpoch === undefined ? [] : [rate(secondsPerEpoch)]),
  ]);
  const [measured] = rows.flatMap(({ speed }) => speed ?? []);
  const where = measured ? ['', `measured on ${measured.adapter}, ${measured.batchSize} images at a time`] : [];
  return [...columns([head, ...lines], 'llr'), ...where];
}

/** The same as CSV, numbers as they are: bytes, images a second, seconds. */
export function costCsv(rows: readonly CostRow[]): string {
  const head = [
    ...['model', 'input', 'classes', 'parameters', 'macs', 'activation_bytes', 'checkpoint_bytes'],
    ...['train_images_per_second', 'infer_images_per_second', 'seconds_per_epoch', 'adapter', 'batch_size'],
  ];
  const number = (value: number | undefined) => (value === undefined ? '' : String(Number(value.toPrecision(6))));
  const lines = rows.map(({ speed, secondsPerEpoch, ...cost }) => [
    ...[cost.model, cost.input.join('x'), String(cost.classes), String(cost.parameters), String(cost.macs)],
    ...[String(cost.activationBytes), String(cost.checkpointBytes)],
    ...[number(speed?.training), number(speed?.inference), number(secondsPerEpoch)],
    ...[speed?.adapter ?? '', speed ? String(speed.batchSize) : ''],
  ]);
  return [head, ...lines].map(csvLine).join('');
}
