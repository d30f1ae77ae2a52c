import { join } from 'node:path';
import { hasBegun, type Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

const ADVICE = /batches of (\d+) images? would fit: --batch-size (\d+)/;
const BATCH = 120;
const MIB = 2 ** 20;

/** Networks, with about what a step of theirs takes with `BATCH` images of 48x48, the largest tensor in it, and their least batch. */
const networks = [
  { model: 'simple-cnn', step: 100 * MIB, tensor: 16 * MIB, least: 1 },
  { model: 'ferplus-cnn', step: 30 * MIB, tensor: 4 * MIB, least: 2 },
  { model: 'gap-cnn', step: 300 * MIB, tensor: 32 * MIB, least: 2 },
];

/** A training whose batches have no room, and one with the batch size that the message of the first names. */
async function round(stand: Stand, { random, folder, index }: Round): Promise<Tally> {
  const ofTensor = index % 2 === 0;
  const { model, step, tensor, least } = networks[Math.floor(index / 2) % networks.length]!;
  const share = 0.2 + 0.7 * random.uniform();
  const bytes = String(4 * Math.floor((share * (ofTensor ? tensor : step)) / 4));
  const env = ofTensor ? { FACEGRAD_FAULT_BINDING: bytes } : { FACEGRAD_FAULT_BYTES: bytes };
  const out = join(folder, 'run');
  const train = (batchSize: number, ...more: string[]) => {
    const options = ['--epochs', '1', '--batch-size', String(batchSize), '--no-autotune', '--out', out, '--json'];
    return stand.facegrad(['train', model, '--data', stand.data, ...options, ...more], { fault: 'memory', env });
  };
  const first = await train(BATCH);
  require(first.code !== 0, 'unsaid', () => `${model} had room for batches of ${BATCH} in ${bytes} bytes`);
  require(first.code === 2, 'unsaid', () => `too little memory ended with ${String(first.code)}:\n${first.stderr}`);
  const said = ofTensor ? 'that this adapter lets a kernel bind' : 'out of GPU memory';
  require(first.stderr.includes(said), 'unsaid', () => first.stderr);
  const again = async (batchSize: number) => train(batchSize, ...((await hasBegun(out)) ? ['--force'] : []));
  if (first.stderr.includes('no batch, however small, would fit')) {
    const smallest = await again(least);
    const failed = smallest.code === 2 && smallest.stderr.includes(said);
    require(failed, 'unsaid', () =>
      `no batch is said to fit, and one of ${least} ended with ${String(smallest.code)}:\n${smallest.stderr}`);
    return { faults: 1, hopeless: 1 };
  }
  const fitting = Number(ADVICE.exec(first.stderr)?.[2]);
  require(fitting > 0 && fitting < BATCH, 'unsaid', () => `no batch size is advised:\n${first.stderr}`);
  const second = await again(fitting);
  require(second.code === 0, 'unsaid', () => `batches of ${fitting} do not fit either:\n${second.stderr}`);
  return { faults: 1, advised: 1 };
}

export const memory: TortureCase = {
  name: 'memory',
  promise:
    'where a batch has no room in GPU memory, the message names a batch size that has, and that one has, or none has',
  faults: 'shortages',
  ...{ short: 2, long: 20 },
  round,
};
