/**
 * Networks from files that PyTorch writes here and now, where this machine has it (make_models.py): their logits are those that
 * PyTorch computed with the same weights.
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
import { paths } from '../../devices.js';
import { compareNorm } from '../../parity/compare.js';
import { fill } from '../../parity/fill.js';
import { goldenCopy, readGoldens } from '../../parity/golden.js';

const script = fileURLToPath(new URL('../../interop/pytorch/make_models.py', import.meta.url));
const hasTorch =
  spawnSync('/usr/bin/python3', ['-c', "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"])
    .status === 0;

/** Of both formats, and state dicts alone and in a checkpoint. */
const names = ['simple-cnn', 'ferplus-cnn', 'mini-resnet', 'mobilenet-v2'];

describe.skipIf(!hasTorch)('files of torch.save', () => {
  const folder = mkdtempSync(join(tmpdir(), 'facegrad-torch-'));
  const { seed, cases } = readGoldens(goldenCopy).models;

  beforeAll(async () => {
    setDefaultDevice(await paths.native());
    execFileSync('/usr/bin/python3', [script, join(goldenCopy, 'models.json'), folder, ...names]);
  });

  afterAll(() => {
    setDefaultDevice(undefined);
    rmSync(folder, { recursive: true });
  });

  it.each(names)('%s', async name => {
    const golden = cases.find(({ model }) => model === name)!;
    const model = init.withoutValues(() => modelRegistry[name]!.create({ classes: golden.classes }));
    model.loadStateDict((await loadWeights(join(folder, `${name}.pth`))).state);
    const x = Tensor.from(fill(`${name}/input`, golden.input, seed), golden.input);
    const logits = scope(() => noGrad(() => model.eval().forward(x)));
    const shape = [golden.labels.length, golden.classes];
    const { excess } = compareNorm(
      'eval_logits',
      await logits.data(),
      golden.eval_logits,
      shape,
      golden.tolerance.eval_logits,
    );
    expect(excess).toBeLessThanOrEqual(1);
    for (const tensor of [x, logits]) tensor.dispose();
    model.dispose();
  });
});
