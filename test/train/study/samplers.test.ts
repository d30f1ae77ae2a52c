import { describe, expect, it } from 'vitest';
import type { Distribution } from '../../../src/interop/optuna-journal.js';
import { importances } from '../../../src/train/study/importance.js';
import { normalCdf, normalMass, truncatedNormalQuantile } from '../../../src/train/study/normal.js';
import { observationWeights, parzenEstimator } from '../../../src/train/study/parzen.js';
import { gridSize, sampleTrial, splitTrials, type SamplerOptions } from '../../../src/train/study/samplers.js';
import { RandomStream } from '../../../src/util/random.js';
import { categorical, float, int, trialOf } from './trials.js';

describe('the normal distribution', () => {
  it('is that of SciPy', () => {
    // scipy.stats.norm.cdf
    const cases = [
      [-10, 7.619853024160525e-24],
      [-3, 0.0013498980316300946],
      [-1.5, 0.06680720126885807],
      [0.3, 0.6179114221889526],
      [4, 0.9999683287581669],
    ] as const;
    for (const [x, p] of cases) expect(normalCdf(x) / p).toBeCloseTo(1, 12);
    // Far above 0 nothing cancels: norm.sf(9) - norm.sf(10).
    expect(normalMass(9, 10) / 1.1285122018979e-19).toBeCloseTo(1, 7);
  });

  it('gives the value below which a share of what is between two bounds lies', () => {
    for (const [a, b] of [
      [-1, 2],
      [5, 9],
      [-60, -0.5],
    ] as const) {
      const x = truncatedNormalQuantile(0.3, a, b);
      expect(normalMass(a, x) / normalMass(a, b)).toBeCloseTo(0.3, 10);
    }
  });
});

describe('Parzen estimators', () => {
  // Logarithms of densities by Optuna 5.0, _ParzenEstimator(...).log_pdf with the defaults of TPESampler.
  type Values = readonly number[];
  const cases: (readonly [string, Distribution, Values, Values, Values])[] = [
    [
      ...(['a range', float(0, 1), [0.2, 0.25, 0.9, 0.21], [0, 0.2, 0.5, 0.95]] as const),
      [0.00413293197866, 0.500849272357, -0.148009662226, -0.553070254709],
    ],
    [
      ...(['a logarithmic range', float(1e-5, 1e-2, { log: true }), [1e-4, 3e-3, 1e-3], [1e-5, 5e-4, 9e-3]] as const),
      [-2.6235207393, -1.78284672588, -1.96587212375],
    ],
    [
      ...(['steps', float(0.3, 0.7, { step: 0.1 }), [0.3, 0.5, 0.5], [0.3, 0.4, 0.7]] as const),
      [-1.68277519703, -1.41885350419, -2.17532393046],
    ],
    [
      ...(['whole numbers', int(16, 128, { step: 16 }), [32, 64], [16, 64, 128]] as const),
      [-1.98168883782, -1.80233688071, -2.99067645211],
    ],
    [
      ...(['logarithmic whole numbers', int(16, 128, { log: true }), [17, 100], [16, 50, 128]] as const),
      [-3.58522138632, -4.62162607799, -5.70558671588],
    ],
    [
      ...(['choices', categorical('a', 'b', 'c'), [0, 0, 2], [0, 1, 2]] as const),
      [-0.741937344729, -1.6582280766, -1.09861228867],
    ],
    ['nothing seen', float(0, 1), [], [0.1, 0.5], [-0.0390221995091, 0.0409778004909]],
    ['one value seen', float(0, 1), [0.8], [0.1, 0.8], [-0.142414630719, 0.0626052913281]],
    [
      ...(['more than 25 values', float(0, 1), Array.from({ length: 30 }, (_, i) => ((i * 37) % 100) / 100)] as const),
      ...([[0.1, 0.5]] as const),
      [-0.0767702763861, 0.00276885088072],
    ],
  ];

  it.each(cases)('have the densities of Optuna: %s', (_, distribution, seen, at, expected) => {
    const estimator = parzenEstimator(distribution, seen);
    at.forEach((value, i) => {
      expect(estimator.logPdf(value)).toBeCloseTo(expected[i]!, 9);
    });
  });

  it('draw what they are the density of', () => {
    const estimator = parzenEstimator(float(0.3, 0.7, { step: 0.1 }), [0.3, 0.5, 0.5]);
    const random = new RandomStream(1, 2);
    const counts = new Map<number, number>();
    for (let i = 0; i < 4000; i++) {
      const value = estimator.sample(random);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0.3, 0.4, 0.5, 0.6, 0.7]);
    for (const [value, count] of counts) expect(count / 4000).toBeCloseTo(Math.exp(estimator.logPdf(value)), 1);
  });

  it('weigh the last 25 observations in full and older ones less', () => {
    expect(observationWeights(3)).toEqual([1, 1, 1]);
    // optuna.samplers._tpe.sampler.default_weights(30)
    expect(
      observationWeights(30)
        .slice(0, 6)
        .map(w => Number(w.toFixed(8))),
    ).toEqual([...[0.03333333, 0.275, 0.51666667, 0.75833333, 1, 1]]);
  });
});

describe('samplers', () => {
  const space = new Map<string, Distribution>([
    ['lr', float(1e-5, 1e-2, { log: true })],
    ['batch', int(16, 128, { step: 16 })],
    ['opt', categorical('adam', 'sgd')],
  ]);
  const context = { space, grid: new Map<string, number[]>(), direction: 'minimize' as const };
  const tpe: SamplerOptions = { name: 'tpe', seed: 3, nStartupTrials: 5, nEiCandidates: 24, gamma: 0.1 };

  it('draw the same for the same seed and trial, whatever was drawn between', () => {
    const options = { name: 'random', seed: 4 } as const;
    const draw = (number: number, seed = 4) => sampleTrial({ ...options, seed }, { ...context, trials: [], number });
    const again = draw(7);
    expect(draw(7)).toEqual(again);
    expect(draw(8)).not.toEqual(again);
    expect(draw(7, 5)).not.toEqual(again);
    for (let number = 0; number < 200; number++) {
      const sample = draw(number)!;
      expect(sample.get('lr')).toBeGreaterThanOrEqual(1e-5);
      expect(sample.get('lr')).toBeLessThanOrEqual(1e-2);
      expect([16, 32, 48, 64, 80, 96, 112, 128]).toContain(sample.get('batch'));
      expect([0, 1]).toContain(sample.get('opt'));
    }
  });

  it('TPE finds the minimum of a bowl more closely than chance does', () => {
    const loss = (sample: ReadonlyMap<string, number>) =>
      (Math.log10(sample.get('lr')!) + 3.2) ** 2 + sample.get('batch')! / 1000 + 0.3 * sample.get('opt')!;
    const best = (options: SamplerOptions) => {
      const trials: ReturnType<typeof trialOf>[] = [];
      for (let number = 0; number < 40; number++) {
        const sample = sampleTrial(options, { ...context, trials, number })!;
        trials.push(trialOf({ number, value: loss(sample), internal: new Map(sample) }));
      }
      return trials.slice(-20).reduce((sum, { value }) => sum + value!, 0) / 20;
    };
    expect(best({ ...tpe, nStartupTrials: 10 })).toBeLessThan(0.5 * best({ name: 'random', seed: 3 }));
  });

  it('TPE counts complete trials before pruned ones, running ones as bad, and failed ones not at all', () => {
    const trials = [
      trialOf({ number: 0, value: 3 }),
      trialOf({ number: 1, state: 'pruned', value: 1, intermediate: [[2, 1]] }),
      trialOf({ number: 2, state: 'pruned', value: 9, intermediate: [[4, 9]] }),
      trialOf({ number: 3, state: 'running' }),
      trialOf({ number: 4, state: 'fail' }),
      trialOf({ number: 5, value: 2 }),
    ];
    const numbers = (count: number) => {
      const { below, above } = splitTrials({ trials, direction: 'minimize' }, count);
      return [below, above].map(part => part.map(({ number }) => number));
    };
    expect(numbers(1)).toEqual([[5], [0, 1, 2, 3]]);
    // The one that was pruned later is the better one.
    expect(numbers(3)).toEqual([
      [0, 2, 5],
      [1, 3],
    ]);
    const { below } = splitTrials({ trials, direction: 'maximize' }, 1);
    expect(below.map(({ number }) => number)).toEqual([0]);
  });

  it('a grid has each point once, in order, also those that several workers have taken', () => {
    const points = new Map<string, Distribution>([
      ['lr', float(1e-4, 1e-2, { log: true })],
      ['opt', categorical('adam', 'sgd')],
    ]);
    const grid = new Map([['lr', [1e-4, 1e-3, 1e-2]]]);
    const trials: ReturnType<typeof trialOf>[] = [];
    for (;;) {
      const number = trials.length;
      const sample = sampleTrial({ name: 'grid' }, { space: points, grid, direction: 'minimize', trials, number });
      if (!sample) break;
      trials.push(trialOf({ number, state: number % 2 ? 'running' : 'fail', internal: new Map(sample) }));
    }
    expect(trials.map(({ internal }) => [...internal.values()])).toEqual([
      ...[
        [1e-4, 0],
        [1e-4, 1],
        [1e-3, 0],
        [1e-3, 1],
        [1e-2, 0],
        [1e-2, 1],
      ],
    ]);
    expect(gridSize(points, grid)).toBe(6);
  });
});

describe('importance', () => {
  it('is that of Optuna’s PED-ANOVA', () => {
    const distributions = new Map<string, Distribution>([
      ['lr', float(1e-5, 1e-2, { log: true })],
      ['batch', int(16, 128, { step: 16 })],
      ['opt', categorical('adam', 'sgd')],
      ['drop', float(0.3, 0.7)],
    ]);
    const trials = ROWS.map(([lr, batch, opt, drop, value], number) => {
      const internal = new Map(Object.entries({ lr, batch, opt, drop }));
      return trialOf({ number, value, internal, distributions });
    });
    // optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()), Optuna 5.0
    const expected = {
      lr: 0.752221044622545,
      batch: 0.22624559026263844,
      opt: 0.02047626298377,
      drop: 0.00105710213104,
    };
    const found = importances(trials, 'minimize');
    expect([...found.keys()]).toEqual(Object.keys(expected));
    for (const [name, share] of Object.entries(expected)) expect(found.get(name)).toBeCloseTo(share, 10);
    // The same, of the first twelve trials of a study that maximizes.
    expect(importances(trials.slice(0, 12), 'maximize').get('drop')).toBeCloseTo(0.45984994826, 9);
  });

  it('is shared evenly where nothing can be told', () => {
    const distributions = new Map<string, Distribution>(['a', 'b'].map(name => [name, float(0, 1)]));
    const internal = new Map([...distributions.keys()].map(name => [name, 0.5]));
    const trials = [trialOf({ number: 0, value: 1, internal, distributions })];
    expect([...importances(trials, 'minimize').values()]).toEqual([0.5, 0.5]);
  });
});

/** lr, batch, opt (0 adam, 1 sgd), drop, value. */
const ROWS: [number, number, number, number, number][] = [
  [0.000714664, 96, 0, 0.4657, 0.018357],
  [5.10745e-5, 48, 1, 0.6314, 1.511158],
  [0.00365011, 128, 0, 0.3971, 0.6074],
  [0.00026086, 80, 1, 0.5627, 0.463413],
  [1.86428e-5, 32, 0, 0.3284, 2.360496],
  [0.00133233, 112, 1, 0.4941, 0.419963],
  [9.52169e-5, 64, 0, 0.6598, 0.698491],
  [0.00680481, 16, 0, 0.4255, 1.076159],
  [0.000486315, 96, 1, 0.5912, 0.333908],
  [3.47552e-5, 48, 0, 0.3569, 1.605341],
  [0.00248383, 128, 1, 0.5225, 0.67242],
  [0.00017751, 80, 0, 0.6882, 0.332175],
  [1.2686e-5, 32, 1, 0.4539, 3.187317],
  [0.000906626, 112, 0, 0.6196, 0.050744],
  [6.47933e-5, 64, 0, 0.3853, 0.996543],
  [0.00463054, 16, 1, 0.551, 1.056418],
  [0.000330928, 96, 0, 0.3167, 0.108879],
  [2.36503e-5, 48, 1, 0.4823, 2.341712],
  [0.0016902, 128, 0, 0.648, 0.213931],
  [0.000120793, 80, 1, 0.4137, 0.834094],
  [0.00863261, 32, 0, 0.5794, 1.302759],
  [0.000616942, 112, 0, 0.3451, 0.029585],
  [4.40906e-5, 64, 1, 0.5108, 1.644616],
  [0.003151, 16, 0, 0.6765, 0.50748],
  [0.00022519, 96, 1, 0.4421, 0.518002],
  [1.60936e-5, 48, 0, 0.6078, 2.555534],
  [0.00115015, 128, 1, 0.3735, 0.396643],
  [8.2197e-5, 80, 0, 0.5392, 0.7974],
  [0.00587433, 32, 0, 0.3049, 0.96239],
  [0.000419817, 112, 1, 0.4706, 0.348248],
];
