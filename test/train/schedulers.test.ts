import { describe, expect, it } from 'vitest';
import {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  createSchedule,
  ExponentialLR,
  MultiStepLR,
  OneCycleLR,
  parseScheduler,
  parseWarmup,
  ReduceLROnPlateau,
  resolveScheduler,
  Schedule,
  StepLR,
  type ScheduledGroup,
  type Scheduler,
  type SchedulerState,
} from '../../src/train/schedulers/index.js';

const group = (lr = 0.1, momentum = 0.9): ScheduledGroup => ({ lr, momentum });

/** The rates and momenta before the first step and after each of `steps`. */
function trace(make: (groups: ScheduledGroup[]) => Scheduler, steps: number, metric?: readonly number[]) {
  const one = group();
  const scheduler = make([one]);
  const lrs = [one.lr];
  const momenta = [one.momentum];
  for (let k = 0; k < steps; k++) {
    scheduler.step(metric?.[k]);
    lrs.push(one.lr);
    momenta.push(one.momentum);
  }
  return { lrs, momenta };
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value / expected[i]! - 1), `at ${i}: ${value}, expected ${expected[i]!}`).toBeLessThan(1e-8);
  });
}

const rising = [0.1, 0.2, 0.2, 0.2, 0.21, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2];
const falling = [1, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, NaN, 0.5, 0.6, 0.6];
const repeated = (value: number, times: number) => new Array<number>(times).fill(value);

// The expected rates are those of PyTorch 1.13's schedulers on SGD with lr 0.1 and momentum 0.9.
describe('schedulers', () => {
  it('one-cycle in three phases, linearly, and its momentum', () => {
    const options = { maxLr: 1, totalSteps: 11, threePhase: true, pctStart: 0.4, annealStrategy: 'linear' } as const;
    const { lrs, momenta } = trace(groups => new OneCycleLR(groups, options), 10);
    expectClose(lrs, [
      ...[0.04, 0.3223529412, 0.6047058824, 0.8870588235, 0.8305882353, 0.5482352941, 0.2658823529, 0.03750025],
      ...[0.0250015, 0.01250275, 4e-6],
    ]);
    expectClose(momenta, [
      ...[0.95, 0.9205882353, 0.8911764706, 0.8617647059, 0.8676470588, 0.8970588235, 0.9264705882],
      ...repeated(0.95, 4),
    ]);
  });

  it('one-cycle in two phases, along cosines, and its momentum', () => {
    const options = {
      maxLr: 1,
      totalSteps: 11,
      divFactor: 10,
      finalDivFactor: 100,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
    };
    const { lrs, momenta } = trace(groups => new OneCycleLR(groups, options), 10);
    expectClose(lrs, [
      ...[0.1, 0.4584447941, 0.9627450857, 0.9797667403, 0.8845907874, 0.7263598677, 0.5310502496, 0.3307252939],
      ...[0.1582717134, 0.04200066567, 0.001],
    ]);
    expectClose(momenta, [
      ...[0.9, 0.8601728007, 0.8041394349, 0.8020253513, 0.8115524737, 0.8273914046, 0.846941917, 0.8669944651],
      ...[0.8842570857, 0.8958958293, 0.9],
    ]);
  });

  it.each<[string, ConstructorParameters<typeof ReduceLROnPlateau>[1], number[], number[]]>([
    [
      'maximum, absolute threshold, cooldown and lowest rate',
      { mode: 'max', factor: 0.5, patience: 1, threshold: 0.05, thresholdMode: 'abs', cooldown: 2, minLr: 0.02 },
      rising,
      [...repeated(0.1, 4), ...repeated(0.05, 4), ...repeated(0.025, 4), ...repeated(0.02, 5)],
    ],
    [
      'maximum, relative threshold and cooldown',
      { mode: 'max', factor: 0.5, patience: 1, threshold: 0.04, cooldown: 1 },
      rising,
      [
        ...repeated(0.1, 4),
        ...repeated(0.05, 3),
        ...repeated(0.025, 3),
        ...repeated(0.0125, 3),
        ...repeated(0.00625, 3),
      ].concat(0.003125),
    ],
    [
      'minimum, absolute threshold, a NaN',
      { factor: 0.1, patience: 2, threshold: 0.05, thresholdMode: 'abs', eps: 1e-3 },
      falling,
      [...repeated(0.1, 4), ...repeated(0.01, 9)],
    ],
  ])('plateau: %s', (_name, options, metric, expected) => {
    expectClose(trace(groups => new ReduceLROnPlateau(groups, options), metric.length, metric).lrs, expected);
  });

  it('cosine goes up again after its end; restarts grow; a milestone named twice counts twice', () => {
    expectClose(trace(groups => new CosineAnnealingLR(groups, { tMax: 4, etaMin: 0.02 }), 10).lrs, [
      ...[0.1, 0.08828427125, 0.06, 0.03171572875, 0.02, 0.03171572875, 0.06, 0.08828427125, 0.1, 0.08828427125, 0.06],
    ]);
    expectClose(trace(groups => new CosineAnnealingWarmRestarts(groups, { t0: 2, tMult: 3, etaMin: 0.01 }), 12).lrs, [
      ...[0.1, 0.055, 0.1, 0.09397114317, 0.0775, 0.055, 0.0325, 0.01602885683, 0.1, 0.09931634889, 0.09728616794],
      ...[0.09397114317, 0.08947199994],
    ]);
    expectClose(trace(groups => new MultiStepLR(groups, { milestones: [2, 2, 5], gamma: 0.5 }), 6).lrs, [
      ...[0.1, 0.1, 0.025, 0.025, 0.025, 0.0125, 0.0125],
    ]);
  });

  it('move every group by its own rate', () => {
    const groups = [group(0.1), group(0.01)];
    const scheduler = new StepLR(groups, { stepSize: 1, gamma: 0.5 });
    scheduler.step();
    expectClose(
      groups.map(({ lr }) => lr),
      [0.05, 0.005],
    );
    const cycle = new OneCycleLR(groups, { maxLr: [1, 2], totalSteps: 10 });
    for (let k = 0; k < 2; k++) cycle.step();
    expectClose(
      groups.map(({ lr }) => lr),
      [1, 2],
    );
  });

  it('one-cycle ends, and needs a momentum to move', () => {
    const scheduler = new OneCycleLR([group()], { maxLr: 1, totalSteps: 2 });
    scheduler.step();
    scheduler.step();
    expect(() => {
      scheduler.step();
    }).toThrow('one-cycle ends after 2 steps');
    expect(() => new OneCycleLR([group(0.1, 0)], { maxLr: 1, totalSteps: 2 })).toThrow('momentum, which is 0');
    expect(() => new OneCycleLR([group()], { maxLr: [1, 2], totalSteps: 2 })).toThrow('2 highest rates for 1');
  });
});

const makers: Record<string, (groups: ScheduledGroup[]) => Scheduler> = {
  exponential: groups => new ExponentialLR(groups, { gamma: 0.9 }),
  multistep: groups => new MultiStepLR(groups, { milestones: [3, 7] }),
  restarts: groups => new CosineAnnealingWarmRestarts(groups, { t0: 2, tMult: 2 }),
  onecycle: groups => new OneCycleLR(groups, { maxLr: 1, totalSteps: 20 }),
  plateau: groups => new ReduceLROnPlateau(groups, { patience: 1, cooldown: 1 }),
};

describe.each(Object.entries(makers))('%s', (_name, make) => {
  it.each([0, 1, 5, 9])('goes on from its state after %i steps as if it had never stopped, to the bit', stop => {
    const whole = trace(
      make,
      16,
      rising.map(value => 1 - value / 10),
    );
    const metric = rising.map(value => 1 - value / 10);
    const first = group();
    const before = make([first]);
    for (let k = 0; k < stop; k++) before.step(metric[k]);
    const saved = JSON.parse(JSON.stringify({ state: before.state(), ...first })) as ScheduledGroup & {
      state: SchedulerState;
    };
    const second = group();
    const after = make([second]);
    after.restore(saved.state);
    Object.assign(second, { lr: saved.lr, momentum: saved.momentum });
    for (let k = stop; k < 16; k++) {
      after.step(metric[k]);
      expect(second.lr).toBe(whole.lrs[k + 1]);
      expect(second.momentum).toBe(whole.momenta[k + 1]);
    }
  });
});

describe('a schedule', () => {
  /** Rates of `epochs` epochs of so many steps: what each step was done with. */
  function rates(schedule: (groups: ScheduledGroup[]) => Schedule, epochs: number, steps: number): number[] {
    const one = group();
    const tested = schedule([one]);
    const used: number[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let step = 0; step < steps; step++) {
        used.push(one.lr);
        tested.stepDone();
      }
      tested.epochDone(1);
    }
    return used;
  }

  // SequentialLR([LinearLR(start_factor=0.1, total_iters=4), CosineAnnealingLR(6, eta_min=0.01)], [4])
  const warmCosine = [
    ...[0.01, 0.0325, 0.055, 0.0775, 0.1, 0.09397114317, 0.0775, 0.055, 0.0325, 0.01602885683, 0.01, 0.01602885683],
  ];

  it.each([
    ['steps', 'step', 3, 4],
    ['epochs', 'epoch', 12, 1],
  ] as const)('warms up linearly before a scheduler, as SequentialLR, in %s', (_name, per, epochs, steps) => {
    const warmup = { length: 4, startFactor: 0.1, per };
    const used = rates(
      groups =>
        new Schedule(groups, { scheduler: new CosineAnnealingLR(groups, { tMax: 6, etaMin: 0.01 }), per }, warmup),
      epochs,
      steps,
    );
    expectClose(used, warmCosine);
  });

  it('warms up by steps before a scheduler of epochs, whose first epoch begins where the warm-up ends', () => {
    const make = (length: number) => (groups: ScheduledGroup[]) =>
      new Schedule(
        groups,
        { scheduler: new StepLR(groups, { stepSize: 1, gamma: 0.5 }), per: 'epoch' },
        { length, startFactor: 0.5, per: 'step' },
      );
    // Exactly at the end of an epoch: the next is a whole one.
    expectClose(rates(make(2), 3, 2), [0.05, 0.075, 0.1, 0.1, 0.05, 0.05]);
    // Inside an epoch: what is left of it is the first.
    expectClose(rates(make(3), 3, 2), [0.05, 0.1 * (0.5 + 0.5 / 3), 0.1 * (0.5 + 1 / 3), 0.1, 0.05, 0.05]);
  });

  it('goes on from its state in the middle of a warm-up', () => {
    const make = (groups: ScheduledGroup[]) =>
      createSchedule(groups, { scheduler: 'onecycle:max_lr=1', warmup: 'steps=3' }, run)!.schedule;
    const [one, two] = [group(), group()];
    const before = make([one]);
    before.stepDone();
    const after = make([two]);
    after.restore(JSON.parse(JSON.stringify(before.state())) as SchedulerState);
    Object.assign(two, one);
    for (let k = 0; k < 6; k++) {
      before.stepDone();
      after.stepDone();
      expect(two).toEqual(one);
    }
    expect(() => {
      make([group()]).restore({ warm: 0, since: 0 });
    }).toThrow('no steps: it is that of another scheduler');
  });
});

const run = { epochs: 10, stepsPerEpoch: 5, lr: 0.1 };

describe('--scheduler', () => {
  const lrsOf = (scheduler: string, warmup?: string) => {
    const one = group();
    const { schedule } = createSchedule([one], { scheduler, ...(warmup === undefined ? {} : { warmup }) }, run)!;
    const lrs: number[] = [];
    for (let epoch = 0; epoch < run.epochs; epoch++) {
      lrs.push(one.lr);
      for (let step = 0; step < run.stepsPerEpoch; step++) schedule.stepDone();
      schedule.epochDone(1);
    }
    return lrs;
  };

  it('reads every scheduler with its options', () => {
    const lr = (factors: number[]) => factors.map(factor => 0.1 * factor);
    expectClose(lrsOf('exponential:gamma=0.5').slice(0, 3), lr([1, 0.5, 0.25]));
    expectClose(lrsOf('step:step_size=2,gamma=0.5').slice(0, 5), lr([1, 1, 0.5, 0.5, 0.25]));
    expectClose(lrsOf('multistep:milestones=1,3,gamma=0.5').slice(0, 4), lr([1, 0.5, 0.5, 0.25]));
    expectClose(lrsOf('multistep:milestones=2').slice(0, 3), lr([1, 1, 0.1]));
    expectClose(lrsOf('plateau:factor=0.5,patience=1').slice(0, 4), lr([1, 1, 1, 0.5]));
    expect(lrsOf('cosine')[5]).toBeCloseTo(0.05, 12);
    expectClose(lrsOf('cosine-restarts:t_0=2').slice(0, 4), lr([1, 0.5, 1, 0.5]));
    expectClose(lrsOf('step:step_size=5,gamma=0.5,per=step').slice(0, 3), lr([1, 0.5, 0.25]));
    const cycle = lrsOf('onecycle:max_lr=2,div_factor=10,pct_start=0.4,cycle_momentum=false');
    expect(cycle[0]).toBeCloseTo(0.2, 10);
    expect(Math.max(...cycle)).toBeGreaterThan(1.9);
  });

  it("takes the run's length less the warm-up, unless it is given", () => {
    const end = (text: string, warmup?: string) => {
      const one = group();
      const { schedule } = createSchedule([one], { scheduler: text, ...(warmup ? { warmup } : {}) }, run)!;
      for (let step = 0; step < 50; step++) schedule.stepDone();
      return one.lr;
    };
    expect(end('cosine:per=step')).toBeCloseTo(0, 12);
    expect(end('cosine:per=step', 'epochs=2')).toBeCloseTo(0, 12);
    expect(end('cosine:per=step,epochs=20')).toBeCloseTo(0.05, 12);
    expect(end('cosine:per=step,t_max=100')).toBeCloseTo(0.05, 12);
  });

  it('keeps the length of a run that is lengthened later', () => {
    expect(resolveScheduler('cosine', 10)).toBe('cosine:epochs=10');
    expect(resolveScheduler('onecycle:max_lr=1', 10)).toBe('onecycle:max_lr=1,epochs=10');
    expect(resolveScheduler('cosine:t_max=3', 10)).toBe('cosine:t_max=3');
    expect(resolveScheduler('step:step_size=3', 10)).toBe('step:step_size=3');
    expect(() => createSchedule([group()], { scheduler: 'onecycle:epochs=10' }, { ...run, epochs: 12 })).toThrow(
      'ends after 50 steps, the run after 60',
    );
  });

  it('of one cycle gives groups with rates of their own highest rates in the same ratio', () => {
    const groups = [group(0.1), group(0.01)];
    createSchedule(groups, { scheduler: 'onecycle:max_lr=1,div_factor=10' }, run);
    expectClose(
      groups.map(({ lr }) => lr),
      [0.1, 0.01],
    );
  });

  it.each([
    ['no-such', "there is no scheduler 'no-such'; there are exponential, step"],
    ['constructor', "there is no scheduler 'constructor'"],
    ['step', 'step_size: '],
    ['step:constructor=1', 'Unrecognized key'],
    ['step:step_size=2.5', 'step_size: '],
    ['step:step_size=five', 'step_size: '],
    ['step:step_size=5,gama=0.5', 'It takes step_size, gamma, per'],
    ['step:5', "'5' has no name"],
    ['step:step_size=', 'a value is missing'],
    ['step:step_size=5,step_size=6', 'step_size is given twice'],
    ['plateau:metric=f1', 'metric: '],
    ['plateau:factor=1', 'factor: '],
    ['cosine:t_max=5,epochs=5', 't_max and epochs both'],
    ['onecycle:pct_start=1', 'pct_start: '],
  ])('refuses %s', (text, message) => {
    expect(() => parseScheduler(text)).toThrow(message);
  });
});

describe('--warmup', () => {
  it('is a number of epochs, or of steps', () => {
    expect(parseWarmup('2', 10)).toEqual({ length: 20, startFactor: 1 / 3, per: 'step' });
    expect(parseWarmup('0.5', 10)).toEqual({ length: 5, startFactor: 1 / 3, per: 'step' });
    expect(parseWarmup('steps=7,start_factor=0.01', 10)).toEqual({ length: 7, startFactor: 0.01, per: 'step' });
    expect(parseWarmup('epochs=2,per=epoch', 10)).toEqual({ length: 2, startFactor: 1 / 3, per: 'epoch' });
  });

  it.each([
    ['steps=5,epochs=5', 'by epochs or by steps'],
    ['start_factor=0.5', 'by epochs or by steps'],
    ['steps=0', 'steps: '],
    ['steps=5,start_factor=0', 'start_factor: '],
    ['epochs=0.5,per=epoch', 'a whole number of epochs'],
    ['five', "'five' has no name"],
  ])('refuses %s', (text, message) => {
    expect(() => parseWarmup(text, 10)).toThrow(message);
  });

  it('leaves something for the scheduler', () => {
    const make = () => createSchedule([group()], { scheduler: 'cosine:epochs=4', warmup: '5' }, run);
    expect(make).toThrow('leaves nothing');
  });

  it.each([{}, { scheduler: 'cosine' }, { scheduler: 'step:step_size=2' }])('ends before the run: %j', given => {
    const make = (warmup: string) => () => createSchedule([group()], { ...given, warmup }, run);
    for (const warmup of ['10', 'steps=50', 'epochs=11', 'epochs=10,per=epoch']) {
      expect(make(warmup)).toThrow(`--warmup ${warmup} takes the whole run of 10 epochs`);
    }
    for (const warmup of ['9', 'steps=45', 'epochs=9,per=epoch']) expect(make(warmup)).not.toThrow();
  });
});
