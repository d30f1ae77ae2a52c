/**
 * Networks from files that PyTorch wrote (make_models.py): their logits are those that PyTorch computed with the same weights.
 * One file is kept; where this machine has PyTorch, more are written here and now. FACEGRAD_TEST_ALL=1 takes every network, and
 * FACEGRAD_GOLDENS=<folder> the goldens of another folder than the project's own selection.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { init, modelRegistry } from '../../../src/nn/index.js';
import { noGrad, scope, setDefaultDevice, Tensor } from '../../../src/tensor/index.js';
import { loadWeights } from '../../../src/train/checkpoint.js';
import { convertWeights } from '../../../src/train/weights/convert.js';
import { paths } from '../../devices.js';
import { compareNorm } from '../../parity/compare.js';
import { fill } from '../../parity/fill.js';
import { goldenCopy, readGoldens } from '../../parity/golden.js';

const kept = fileURLToPath(new URL('../../interop/pytorch/fixtures', import.meta.url));
const script = fileURLToPath(new URL('../../interop/pytorch/make_models.py', import.meta.url));
const reader = fileURLToPath(new URL('../../interop/pytorch/read_safetensors.py', import.meta.url));
const hasTorch =
  spawnSync('/usr/bin/python3', ['-c', "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"])
    .status === 0;

const goldens = process.env['FACEGRAD_GOLDENS'] ?? goldenCopy;
const { seed, cases } = readGoldens(goldens).models;
/** Of both formats, and state dicts alone and in a checkpoint. */
const some = ['simple-cnn', 'ferplus-cnn', 'mini-resnet', 'mobilenet-v2'];
const written = process.env['FACEGRAD_TEST_ALL'] === '1' ? cases.map(({ model }) => model) : some;

const folder = mkdtempSync(join(tmpdir(), 'facegrad-torch-'));
// Where there is no PyTorch its tests are not registered: none may be skipped.
const files = [['ferplus-cnn', 'kept'], ...(hasTorch ? written.map(name => [name, 'written here']) : [])] as [
  string,
  string,
][];

describe('files of torch.save', () => {
  beforeAll(async () => {
    setDefaultDevice(await paths.native());
    if (hasTorch) execFileSync('/usr/bin/python3', [script, join(goldens, 'models.json'), folder, ...written]);
  });

  afterAll(() => {
    setDefaultDevice(undefined);
    rmSync(folder, { recursive: true });
  });

  it.each(files)('%s, %s', async (name, how) => {
    const golden = cases.find(({ model }) => model === name)!;
    const model = init.withoutValues(() => modelRegistry[name]!.create({ classes: golden.classes }));
    model.loadStateDict((await loadWeights(join(how === 'kept' ? kept : folder, `${name}.pth`))).state);
    const x = Tensor.from(fill(`${name}/input`, golden.input, seed), golden.input);
    const logits = scope(() => noGrad(() => model.eval().forward(x)));
    const shape = [golden.labels.length, golden.classes];
    const allowed = golden.tolerance.eval_logits;
    const { excess, message } = compareNorm('eval_logits', await logits.data(), golden.eval_logits, shape, allowed);
    expect(excess, message).toBeLessThanOrEqual(1);
    for (const tensor of [x, logits]) tensor.dispose();
    model.dispose();
  });

  if (hasTorch) {
    it('come out of convert as Python reads them, in their own type and as PyTorch rounds', async () => {
      const pairs: string[] = [];
      for (const [i, dtype] of ([undefined, 'F16', 'BF16'] as const).entries()) {
        const [from, to] = [join(folder, `${some[i]!}.pth`), join(folder, `${some[i]!}.safetensors`)];
        await convertWeights(from, to, { dtype });
        pairs.push(from, to);
      }
      // Names of simple-cnn, ferplus-cnn and mini-resnet.
      expect(execFileSync('/usr/bin/python3', [reader, ...pairs], { encoding: 'utf8' })).toBe(`${10 + 20 + 98}\n`);
    });
  }
});
