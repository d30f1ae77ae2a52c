import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeOnnx } from '../../src/interop/onnx/index.js';
import { encodeSafeTensors } from '../../src/interop/safetensors.js';
import { modelRegistry } from '../../src/nn/index.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';
import { facegrad, jsonLines } from './facegrad.js';

let folder: string;
let weights: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-export-'));
  weights = join(folder, 'weights.safetensors');
  setDefaultDevice(await paths.native());
  const model = modelRegistry['mini-resnet']!.create({ classes: 2, size: 16 });
  const info = { model: 'mini-resnet', inputSize: 16, classes: ['happy', 'sad'], mean: [0.5], std: [0.25], epoch: 1 };
  const metadata = { facegrad: JSON.stringify(info) };
  await writeFile(weights, encodeSafeTensors({ tensors: await model.stateDict(), metadata }));
  model.dispose();
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const run = (...args: string[]) => facegrad(['export', ...args], { cwd: folder });

describe('facegrad export', () => {
  it('writes a file without a driver, and replaces none unasked', async () => {
    const withoutDriver = { cwd: folder, env: { VK_DRIVER_FILES: '/none' } };
    const { code, stdout } = await facegrad(['export', '--weights', weights, '--fold-batch-norm'], withoutDriver);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^model\.onnx: mini-resnet, 6\d\d,\d{3} parameters, [\d.]+ MiB, opset 17, \d+ nodes, batch /,
    );
    expect(stdout).toMatch(/^input +input +float32 \(batch, 1, 16, 16\)$/m);
    expect(stdout).toMatch(/^metadata +classes +\["happy","sad"\]$/m);
    const file = join(folder, 'model.onnx');
    const model = decodeOnnx(await readFile(file));
    expect(model.graph.nodes.some(({ opType }) => opType === 'BatchNormalization')).toBe(false);
    await writeFile(file, 'mine');
    const again = await run('--weights', weights);
    expect([again.code, again.stdout]).toEqual([2, '']);
    expect(again.stderr).toContain('model.onnx is there already: replace it with --force');
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('checks what it writes, and tells it as JSON', async () => {
    const { code, stdout } = await run(
      ...['--weights', weights, '--preprocess', '--opset', '21', '--out', 'b.onnx', '--check', '--json'],
    );
    expect(code).toBe(0);
    const [report] = jsonLines(stdout);
    expect(report).toMatchObject({
      ...{ file: 'b.onnx', model: 'mini-resnet', opset: 21, foldBatchNorm: false },
      inputs: [{ name: 'images', type: 'uint8', shape: ['batch', 1, 'height', 'width'] }],
      outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 2] }],
      metadata: { mean: '[0.5]', std: '[0.25]' },
    });
    expect((report!.check as { difference: number }).difference).toBeLessThan(1e-4);
    const { opset, graph } = decodeOnnx(await readFile(join(folder, 'b.onnx')));
    expect([opset, graph.nodes.length]).toEqual([21, report!.nodes]);
  });

  it.each([
    ['nothing to export', [], 'export needs --run <folder>, or --weights <file>'],
    ['a run that is not there', ['--run', 'nowhere'], 'nowhere: no such run folder'],
    ['weights that are not there', ['--weights', 'no.safetensors'], 'no.safetensors: no such file'],
    ['a model that is not there', ['--model', 'resnet81', '--weights', 'w'], 'did you mean resnet18?'],
    ['a run and weights', ['--run', 'a', '--weights', 'w'], '--run brings its own model and weights'],
    ['an opset that is not written', ['--weights', 'w', '--opset', '12'], 'Give a whole number from 17 to 23.'],
    ['images of another kind', ['--weights', 'w', '--preprocess', 'int8'], 'did you mean uint8?'],
    ['a folder as the file', ['--weights', 'w', '--out', '.'], '--out . is a folder; name a file'],
  ])('refuses %s', async (_, args, text) => {
    const { code, stdout, stderr } = await run(...args, ...(args.includes('--out') ? [] : ['--out', 'c.onnx']));
    expect(stderr.toLowerCase()).toContain(text.toLowerCase());
    expect([code, stdout]).toEqual([2, '']);
  });
});
