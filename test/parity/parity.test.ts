import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { openDevice } from '../../src/gpu/node.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { opTolerance } from './compare.js';
import { goldenCopy, readGoldens, type Digest, type ModelCase, type OpCase, type RunningCase } from './golden.js';
import { checkModels } from './models.js';
import { checkOps } from './ops.js';
import type { CaseResult } from './report.js';
import { checkGoldens } from './run.js';
import { checkTraining } from './training.js';

const goldens = readGoldens(goldenCopy);
const random = new RandomStream(11, 0);
let device: Device;

beforeAll(async () => {
  device = await openDevice();
  setDefaultDevice(device);
});

afterAll(() => {
  setDefaultDevice(undefined);
  device.destroy();
});

const withStatus = (results: CaseResult[], status: CaseResult['status']) => results.filter(r => r.status === status);

describe('parity with PyTorch and scikit-learn', () => {
  it('holds in every case that is implemented', async () => {
    const results = await checkGoldens(goldens);
    expect(withStatus(results, 'failed')).toEqual([]);
    for (const file of ['ops', 'models', 'training'] as const) {
      expect(withStatus(results, 'passed').filter(result => result.file === file)).not.toEqual([]);
    }
  });

  it('holds on the portable kernels', async () => {
    const portable = await openDevice({ subgroups: false });
    setDefaultDevice(portable);
    try {
      const results = await checkGoldens(goldens);
      expect(withStatus(results, 'failed')).toEqual([]);
      expect(withStatus(results, 'passed')).not.toEqual([]);
    } finally {
      setDefaultDevice(device);
      portable.destroy();
    }
  });

  it('gives back all memory of the operations', async () => {
    await checkOps(goldens.ops);
    const before = device.pool.liveCount;
    await checkOps(goldens.ops);
    expect(device.pool.liveCount).toBe(before);
  });

  it('says what is not implemented, and passes no such case', async () => {
    const cases = [
      { ...(goldens.ops.cases[0] as OpCase), op: 'no_such_op' },
      { ...(goldens.ops.cases[0] as OpCase), params: { groups: 3 } },
    ];
    const results = await checkOps({ seed: 0, cases });
    expect(results[0]).toMatchObject({ status: 'not implemented' });
    expect(results[1]!.status).not.toBe('passed');
    const models = [{ ...goldens.models.cases[0]!, model: 'no-such-model' }];
    expect(await checkModels({ seed: 0, cases: models })).toMatchObject([{ status: 'not implemented' }]);
    const optimizers = ['lion', 'sgd no_such_option=1'].map(optimizer => ({ optimizer, steps: [[0]] }));
    const training = await checkTraining({ seed: 0, cases: { optimizers, schedulers: [], metrics: [] } });
    expect(withStatus(training, 'not implemented').length).toBe(2);
  });
});

describe('a golden that is off fails', () => {
  const resultsOf = (golden: OpCase | RunningCase): number[][] =>
    'values' in golden.output
      ? [golden.output.values, ...Object.values((golden as OpCase).grads)]
      : [golden.output.running_mean, golden.output.running_var];

  it('in one element of the output or of a gradient of any operation', async () => {
    const intact = await checkOps(goldens.ops);
    const spoiled = goldens.ops.cases
      .filter((_, i) => intact[i]!.status === 'passed')
      .flatMap(golden =>
        resultsOf(golden).map((_, k) => {
          const copy = structuredClone(golden);
          const values = resultsOf(copy)[k]!;
          const i = random.integer(values.length);
          values[i]! += 3 * opTolerance(values)(0, i);
          return copy;
        }),
      );
    const results = await checkOps({ ...goldens.ops, cases: spoiled });
    expect(withStatus(results, 'failed').length).toBe(spoiled.length);
    for (const { message } of results)
      expect(message).toMatch(/largest error .* at \[[\d, ]*\]: got .*, expected .*, allowed/);
  });

  it('with another seed', async () => {
    const results = await checkOps({ ...goldens.ops, seed: goldens.ops.seed + 1 });
    expect(withStatus(results, 'passed')).toEqual([]);
  });

  const spoilDigest = (digest: Digest, what: 'norm' | 'head') => {
    if (what === 'norm') digest.norm += 3 * digest.tol;
    else digest.head[random.integer(digest.head.length)]! += 3 * digest.tol;
  };
  const spoilers: Record<string, (golden: ModelCase) => unknown> = {
    'a state name': golden => (golden.state[0]![0] += '_'),
    'a state shape': golden => (golden.state[0]![1] = [1]),
    'the parameters': golden => golden.parameters++,
    'the MACs': golden => golden.macs.count++,
    eval_logits: golden => (golden.eval_logits[3]! += 1e-3 * Math.max(...golden.eval_logits)),
    train_logits: golden => (golden.train_logits[3]! += 1e-3 * Math.max(...golden.train_logits)),
    'the loss': golden => (golden.loss *= 1.003),
    'the norm of the input gradient': golden => {
      spoilDigest(golden.input_grad, 'norm');
    },
    'the head of the input gradient': golden => {
      spoilDigest(golden.input_grad, 'head');
    },
    'the norm of a gradient': golden => {
      spoilDigest(golden.grads['net.4.weight']!, 'norm');
    },
    'the head of a gradient': golden => {
      spoilDigest(golden.grads['net.0.weight']!, 'head');
    },
    'the norm of a buffer': golden => {
      spoilDigest(golden.buffers['net.1.running_var']!, 'norm');
    },
    'the head of a buffer': golden => {
      spoilDigest(golden.buffers['net.5.running_mean']!, 'head');
    },
    'a loss of SGD': golden => (golden.sgd_losses[2]! *= 1.003),
    'a loss of Adam': golden => (golden.adam_losses[1]! *= 1.003),
  };
  const [model] = goldens.models.cases.filter(golden => golden.model === 'improved-mlp');

  it.each(Object.entries(spoilers))('in %s of a model', async (_, spoil) => {
    const copy = structuredClone(model!);
    spoil(copy);
    const [result] = await checkModels({ ...goldens.models, cases: [copy] }, 2);
    expect(result).toMatchObject({ name: 'improved-mlp', status: 'failed' });
  });

  it('in a step of any optimiser', async () => {
    const none = { schedulers: [], metrics: [] };
    const intact = await checkTraining({ ...goldens.training, cases: { ...goldens.training.cases, ...none } });
    const optimizers = structuredClone(goldens.training.cases.optimizers).filter(
      (_, i) => intact[i]!.status === 'passed',
    );
    for (const { steps } of optimizers) steps[5]![7]! += 3e-5 * Math.max(...steps[5]!.map(Math.abs));
    const results = await checkTraining({ ...goldens.training, cases: { optimizers, ...none } });
    expect(optimizers.length).toBeGreaterThan(0);
    expect(withStatus(results, 'failed').length).toBe(optimizers.length);
    expect(results[0]!.message).toMatch(/^step 6: largest error .* at \[7\]/);
  });

  it('in a rate of any scheduler', async () => {
    const schedulers = structuredClone(goldens.training.cases.schedulers);
    for (const { lrs } of schedulers) lrs[12]! *= 1 + 1e-7;
    const results = await checkTraining({ ...goldens.training, cases: { optimizers: [], schedulers, metrics: [] } });
    expect(schedulers.length).toBeGreaterThan(0);
    expect(withStatus(results, 'failed').length).toBe(schedulers.length);
  });

  it('in any number of the metrics', async () => {
    const [golden] = goldens.training.cases.metrics;
    const inputs = ['truth', 'pred', 'score'];
    let spoiled = 0;
    const check = async (copy: typeof golden) => {
      const cases = { optimizers: [], schedulers: [], metrics: [copy!] };
      return (await checkTraining({ ...goldens.training, cases }))[0]!.status;
    };
    const visit = async (copy: typeof golden, holder: Record<string, unknown>): Promise<void> => {
      for (const [key, value] of Object.entries(holder)) {
        if (holder === copy && inputs.includes(key)) continue;
        if (typeof value !== 'number') await visit(copy, value as Record<string, unknown>);
        else {
          holder[key] = value + 3e-5 * Math.max(Math.abs(value), 1e-3);
          expect(await check(copy), key).toBe('failed');
          holder[key] = value;
          spoiled++;
        }
      }
    };
    const copy = structuredClone(golden);
    await visit(copy, copy!);
    expect(await check(copy)).toBe('passed');
    expect(spoiled).toBeGreaterThan(7 * 7 + 9 * 4);
  });
});
