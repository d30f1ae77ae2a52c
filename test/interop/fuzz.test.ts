/**
 * Parsers of foreign files, tried with random and with damaged ones: each file is read, or refused with a UserError, in time
 * and memory that its length bounds. FACEGRAD_TEST_ALL=1 tries 20,000 files for each.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOnnx, encodeOnnx, GraphBuilder } from '../../src/interop/onnx/index.js';
import { decodeLogs, encodeDistribution, encodeLogs } from '../../src/interop/optuna-journal.js';
import { JournalReplay, parametersOf } from '../../src/interop/optuna-replay.js';
import { decodePyTorch } from '../../src/interop/pytorch/index.js';
import { unpickle } from '../../src/interop/pytorch/pickle.js';
import { stateDictHooks } from '../../src/interop/pytorch/globals.js';
import { decodeSafeTensors, encodeSafeTensors, type HostTensor } from '../../src/interop/safetensors.js';
import {
  decodeEvents,
  encodeEvent,
  encodeRecord,
  fileVersionEvent,
  histogramOf,
  type SummaryEvent,
} from '../../src/interop/tfevents/index.js';
import { UserError } from '../../src/util/errors.js';
import {
  concat,
  floats,
  global,
  int,
  legacyFile,
  list,
  named,
  none,
  orderedDict,
  pickle,
  storage,
  tensor,
  text,
  tuple,
  vector,
} from './pytorch/write-pickle.js';
import { torchEntries, torchFile, zip } from './pytorch/write-zip.js';

const all = process.env['FACEGRAD_TEST_ALL'] === '1';
const numRuns = all ? 20_000 : 600;
const timeout = all ? 1_200_000 : 60_000;

const four = floats(1, 2, 3, 4);
const state = named({
  epoch: int(3),
  state_dict: named({ a: vector('0', 4), b: tensor(storage('HalfStorage', '1', 8), [2, 2], [1, 2], 1) }),
  optimizer: list(none, orderedDict, tuple(int(1), text('x'))),
});
const whole = pickle(state);
const storages = { 0: four, 1: four };

/** A change of a file: bytes set, a run of bytes repeated or left out. */
type Damage = (bytes: Uint8Array) => Uint8Array;

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (share: number, { length }: Uint8Array) => Math.floor(share * length);
const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff));
const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, byte).map(
    ([share, value]): Damage =>
      bytes =>
        bytes.with(at(share, bytes), value),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 8 }), byte).map(
    ([share, length, value]): Damage =>
      bytes =>
        bytes.slice().fill(value, at(share, bytes), at(share, bytes) + length),
  ),
  fc.tuple(place, place).map(([a, b]): Damage => bytes => {
    const [start, end] = [at(Math.min(a, b), bytes), at(Math.max(a, b), bytes)];
    return concat([bytes.subarray(0, end), bytes.subarray(start)]);
  }),
  fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
    ([share, length]): Damage =>
      bytes =>
        Uint8Array.from([...bytes.subarray(0, at(share, bytes)), ...bytes.subarray(at(share, bytes) + length)]),
  ),
  place.map(
    (share): Damage =>
      bytes =>
        bytes.slice(0, at(share, bytes)),
  ),
);

/** The file `good` with one to four damages, or bytes that have nothing to do with it. */
const damaged = (good: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .array(damages, { minLength: 1, maxLength: 4 })
        .map(list => list.reduce((bytes, damage) => (bytes.length === 0 ? bytes : damage(bytes)), good)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  );

/** Pickles that are put together out of their opcodes at random, so that many get far. */
const opcodes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.constantFrom<readonly number[]>(
        none,
        orderedDict,
        text('w'),
        text('state_dict'),
        int(0),
        int(4),
        int(-1),
        vector('0', 4),
        vector('1', 4),
        tuple(int(2), int(2)),
        tuple(),
        named({}),
        list(),
        global('torch', 'FloatStorage'),
        global('collections', 'OrderedDict'),
        global('torch._utils', '_rebuild_tensor_v2'),
        global('os', 'system'),
      ),
      fc
        .constantFrom(...Buffer.from('(012NRQabdelstu)]}\x85\x86\x87\x88\x8f\x90\x91\x93\x94', 'latin1'))
        .map(code => [code]),
      fc.tuple(fc.constantFrom(0x68, 0x71), fc.integer({ min: 0, max: 3 })).map(pair => [...pair]),
    ),
    { maxLength: 40 },
  )
  .map(parts => pickle(parts.flat()));

/** Runs `read` on each file, and counts how many it took. */
async function tryAll(
  files: fc.Arbitrary<Uint8Array>,
  read: (file: Uint8Array) => unknown,
): Promise<{ read: number; refused: number }> {
  const outcome = { read: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(files, async file => {
      try {
        await read(file);
        outcome.read++;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        expect(error.message.length).toBeLessThan(2000);
        outcome.refused++;
      }
    }),
    { numRuns, seed: 8, endOnFailure: true },
  );
  if (all) process.stdout.write(`${outcome.read} read, ${outcome.refused} refused\n`);
  return outcome;
}

/** As much as a file may unfold to: tensors of the shape that they say, and not many times what the file holds. */
function checkTensors(file: Uint8Array, tensors: Iterable<HostTensor>, times: number, allowance: number): void {
  let bytes = 0;
  for (const { shape, data } of tensors) {
    expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
    bytes += data.byteLength;
  }
  expect(bytes).toBeLessThanOrEqual(times * file.length + allowance);
}

const readPyTorch = async (file: Uint8Array) => {
  checkTensors(file, (await decodePyTorch(file)).values(), 100, 1024 * 1024);
};

describe('damaged files are read or refused', () => {
  it('pickles', { timeout }, async () => {
    const files = fc.oneof(damaged(whole), opcodes);
    const outcome = await tryAll(files, file => unpickle(file, stateDictHooks(file.length, new Map())));
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });

  it('zip archives of PyTorch', { timeout }, async () => {
    // Damage of the archive, and archives that are whole but for the pickle or a storage in them.
    const files = fc.oneof(
      damaged(torchFile(whole, storages)),
      damaged(zip(torchEntries(whole, storages).map(entry => ({ ...entry, deflate: true })))),
      fc.oneof(damaged(whole), opcodes).map(bytes => torchFile(bytes, storages)),
      damaged(four).map(bytes => torchFile(whole, { ...storages, 1: bytes })),
    );
    const outcome = await tryAll(files, readPyTorch);
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });

  it("PyTorch's older format", { timeout }, async () => {
    const good = legacyFile(state, [
      ['0', 4, four],
      ['1', 8, four],
    ]);
    const outcome = await tryAll(damaged(good), readPyTorch);
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });

  it('safetensors', { timeout }, async () => {
    const good = encodeSafeTensors({
      tensors: new Map<string, HostTensor>([
        ['net.weight', { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ['count', { dtype: 'I64', shape: [], data: BigInt64Array.of(5n) }],
        ['half', { dtype: 'BF16', shape: [3], data: Uint16Array.of(1, 2, 3) }],
      ]),
      metadata: { format: 'pt' },
    });
    const headers = fc.json({ maxDepth: 4 }).map(header => {
      const json = new TextEncoder().encode(header.startsWith('{') ? header : `{"a":${header}}`);
      return Uint8Array.from([...new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer), ...json]);
    });
    const outcome = await tryAll(fc.oneof({ weight: 3, arbitrary: damaged(good) }, headers), file => {
      checkTensors(file, decodeSafeTensors(file).tensors.values(), 1, 0);
    });
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });

  it("TensorBoard's event files", { timeout }, async () => {
    const events: SummaryEvent[] = [
      fileVersionEvent(1),
      {
        wallTime: 2,
        step: 1,
        values: [
          { tag: 'loss', scalar: 0.5 },
          { tag: 'note', text: 'naïve' },
        ],
      },
      { wallTime: 3, step: 2, values: [{ tag: 'weights', histogram: histogramOf([1, 2, 3]) }] },
    ];
    const records = events.map(encodeEvent);
    const good = concat(records);
    // Messages that are damaged inside whole records, since a sum gives away most other damage.
    const inside = fc
      .oneof(...records.slice(1).map(record => damaged(record.subarray(12, -4))))
      .map(message => concat([records[0]!, encodeRecord(message)]));
    const outcome = await tryAll(fc.oneof(damaged(good), inside), decodeEvents);
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });

  it('ONNX models', { timeout }, async () => {
    const graph = new GraphBuilder('small');
    const w = graph.constant('w', { type: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    const x = graph.input('x', 'float32', ['batch', 2]);
    const product = graph.node('Gemm', [x, w], { transB: 1, alpha: { float: 0.5 } }, 'fc');
    graph.output(graph.node('Softmax', [product], { axis: -1, note: 'ß', pads: [0, 1] }), 'y', ['batch', 2]);
    const producer = { name: 'test', version: '1' };
    const good = Uint8Array.from(encodeOnnx({ opset: 17, producer, graph: graph.finish(), metadata: { model: 'm' } }));
    const outcome = await tryAll(damaged(good), decodeOnnx);
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });

  it("Optuna's journals", { timeout }, async () => {
    const worker_id = 'w';
    const of = (op_code: number, fields: object) => ({ op_code, worker_id, ...fields });
    const distribution = encodeDistribution({
      name: 'FloatDistribution',
      attributes: { step: null, low: 1e-5, high: 0.1, log: true },
    });
    const choice = encodeDistribution({ name: 'CategoricalDistribution', attributes: { choices: ['adam', 'sgd'] } });
    const logs = [
      of(0, { study_name: 's', directions: [2] }),
      of(2, { study_id: 0, user_attr: { note: 'naïve' } }),
      of(4, { study_id: 0, datetime_start: '2026-01-02T03:04:05.000006' }),
      of(5, { trial_id: 0, param_name: 'lr', param_value_internal: 0.01, distribution }),
      of(5, { trial_id: 0, param_name: 'optimizer', param_value_internal: 1, distribution: choice }),
      of(7, { trial_id: 0, step: 1, intermediate_value: 0.5 }),
      of(6, { trial_id: 0, state: 1, values: [0.5], datetime_complete: '2026-01-02T03:05:05.000006' }),
    ];
    const text = new TextEncoder();
    // Damage of the text, and of what its JSON holds: a field with any value, an entry that comes anywhere.
    const wrong = fc
      .tuple(fc.nat(logs.length - 1), fc.constantFrom(...new Set(logs.flatMap(Object.keys))), fc.json({ maxDepth: 3 }))
      .map(([i, key, value]) => {
        const lines = encodeLogs(logs).split('\n');
        const fields = { ...(JSON.parse(lines[i]!) as object), [key]: JSON.parse(value) as unknown };
        return text.encode([...lines.slice(0, i), JSON.stringify(fields), ...lines.slice(i + 1)].join('\n'));
      });
    const order = fc
      .shuffledSubarray(logs, { minLength: 1 })
      .map(some => text.encode(encodeLogs(some).replace(/0\.5/, 'NaN')));
    const files = fc.oneof(damaged(text.encode(encodeLogs(logs))), wrong, order);
    const outcome = await tryAll(files, file => {
      const replay = new JournalReplay();
      for (const log of decodeLogs(new TextDecoder().decode(file), 'journal').logs) replay.apply(log);
      for (const { trials } of replay.studies) trials.forEach(parametersOf);
    });
    expect(Math.min(outcome.read, outcome.refused)).toBeGreaterThan(numRuns / 50);
  });
});
