import type { EpochRow, RunStart, TrainSummary } from '../../train/types.js';
import { duration, learningRate, loss, percent, rate, whole } from './format.js';

/** The epoch table (80 columns) and the lines around it, as every reporter for people prints them. */

const head = ['epoch', 'lr', 'train loss', 'train acc', 'val loss', 'val acc', 'img/s', 'time'];
const widths = [5, 8, 10, 9, 8, 8, 7, 7];

export const epochHead = line(head);

/** One row of the table; the best epochs so far bear a star. */
export function epochLine(row: EpochRow, best: boolean): string {
  const cells = [
    String(row.epoch),
    learningRate(row.lr),
    loss(row.trainLoss),
    percent(row.trainAccuracy),
    loss(row.valLoss),
    percent(row.valAccuracy),
    rate(row.imagesPerSecond),
    duration(row.seconds),
  ];
  return line(cells) + (best ? ' *' : '');
}

/** The whole table of a run. */
export function epochTable(rows: readonly EpochRow[]): string[] {
  let highest = -1;
  const lines = rows.map(row => {
    const best = row.valAccuracy > highest;
    if (best) highest = row.valAccuracy;
    return epochLine(row, best);
  });
  return [epochHead, ...lines];
}

/** What is trained, on what, with what. */
export function startLines(info: RunStart): string[] {
  const { options, data } = info;
  const sgd = `, momentum ${options.momentum}${options.nesterov ? ' (Nesterov)' : ''}`;
  const optimizer =
    `${options.optimizer}, lr ${learningRate(options.lr)}` +
    (options.momentum > 0 ? sgd : '') +
    (options.weightDecay > 0 ? `, weight decay ${options.weightDecay}` : '');
  const lines = [
    `${info.model}: ${whole(info.parameters)} parameters`,
    `data: ${data.name}, ${whole(data.train)} training, ${whole(data.val)} validation, ${whole(data.test)} test images`,
    `${options.epochs} epochs, batch size ${options.batchSize}, ${optimizer}, seed ${options.seed}`,
    `adapter: ${info.adapter}`,
    `run folder: ${info.runFolder}`,
  ];
  const { accumulate = 1, scheduler, warmup, ema } = options;
  if (accumulate > 1) lines.push(`${accumulate} batches a step: ${accumulate * options.batchSize} images`);
  if (warmup !== undefined) lines.push(`warm-up ${warmup}`);
  if (scheduler !== undefined) lines.push(`scheduler ${scheduler}`);
  if (ema !== undefined)
    lines.push(`what is evaluated and kept as best is the moving average of weights, decay ${ema}`);
  const { freeze, unfreeze, l2Sp, joint } = options;
  if (freeze) lines.push(`frozen: ${freeze.join(', ')}${unfreeze ? `, but not ${unfreeze.join(', ')}` : ''}`);
  if (l2Sp) lines.push(`L2-SP: pulled to the starting weights by ${l2Sp.join(', fresh ones to zero by ')}`);
  if (joint) {
    const images = whole(info.epochImages ?? data.train);
    lines.push(`joint training: ${percent(joint.share)} of the ${images} images of an epoch are from ${joint.data}`);
  }
  const { sampler = 'shuffle' } = options;
  if (sampler !== 'shuffle') lines.push(`sampler ${sampler}: ${whole(info.epochImages ?? data.train)} images an epoch`);
  if (info.classWeights) {
    const weights = Object.entries(info.classWeights).map(
      ([name, weight]) => `${name} ${Number(weight.toPrecision(3))}`,
    );
    lines.push(`the training loss weighs ${weights.join(', ')}`);
  }
  if (info.resumedFrom !== undefined) lines.push(`resumed after epoch ${info.resumedFrom}`);
  return lines;
}

/** How the run ended. */
export function endLines(summary: TrainSummary): string[] {
  const lines: string[] = [];
  const { bestEpoch, bestValAccuracy, bestValLoss, testAccuracy, testLoss } = summary;
  if (bestValAccuracy !== undefined && bestValLoss !== undefined) {
    lines.push(`best epoch: ${bestEpoch}, validation accuracy ${percent(bestValAccuracy)}, loss ${loss(bestValLoss)}`);
  }
  if (testAccuracy !== undefined && testLoss !== undefined) {
    lines.push(`its weights on the test split: accuracy ${percent(testAccuracy)}, loss ${loss(testLoss)}`);
  }
  lines.push(
    `${summary.epochs} ${summary.epochs === 1 ? 'epoch' : 'epochs'} in ${duration(summary.seconds)}, ` +
      `${rate(summary.imagesPerSecond)} images/s`,
  );
  if (summary.stoppedEarly) lines.push('stopped early: the validation no longer improved');
  if (summary.interrupted) {
    lines.push(`interrupted and saved; continue with: facegrad train --resume ${quoted(summary.runFolder)}`);
  } else {
    lines.push(`results: ${summary.runFolder}`);
  }
  return lines;
}

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padStart(widths[i]!)).join('  ');
}

/** For a shell, where the path needs it. */
function quoted(path: string): string {
  return /^[\w./~+:@-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
