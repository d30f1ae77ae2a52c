import { registry, type OpDefinition } from '../../src/kernels/index.js';
import { backward, scope, Tensor } from '../../src/tensor/index.js';
import { compare, differs, opTolerance, same, type Deviation } from './compare.js';
import { fill } from './fill.js';
import type { Golden, OpCase, RunningCase } from './golden.js';
import { lacks, runCase, type CaseResult } from './report.js';

/** Checks the cases of `ops.json` on the default device. */
export async function checkOps({ seed, cases }: Golden<(OpCase | RunningCase)[]>): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const [i, golden] of cases.entries()) {
    results.push(
      await runCase('ops', describe(golden, i), () =>
        isRunning(golden) ? checkRunning(golden, seed) : checkOp(golden, seed),
      ),
    );
  }
  return results;
}

function isRunning(golden: OpCase | RunningCase): golden is RunningCase {
  return golden.op === 'batch_norm_running';
}

/** `#12 conv2d(stride=2, input=[2, 3, 11, 9], weight=[5, 3, 3, 3])`; long parameters are left out. */
function describe({ op, params, inputs }: OpCase | RunningCase, i: number): string {
  const settings = Object.entries(params).filter(([, value]) => typeof value !== 'object');
  const shapes = Object.entries(inputs as OpCase['inputs']).map(([name, { shape }]) => [name, `[${shape.join(', ')}]`]);
  return `#${i} ${op}(${[...settings, ...shapes].map(([key, value]) => `${key}=${String(value)}`).join(', ')})`;
}

function definitionOf(op: string): OpDefinition {
  return (registry as Record<string, OpDefinition>)[op] ?? lacks(op);
}

async function checkOp(golden: OpCase, seed: number): Promise<Deviation[]> {
  const { op, params, output, grads } = golden;
  const definition = definitionOf(op);
  const inputs: Record<string, Tensor> = {};
  // Everything read back is returned from the scope; the inputs' gradients are kept by the tape.
  const made = scope(() => {
    for (const [name, { shape, scale, offset }] of Object.entries(golden.inputs)) {
      inputs[name] = Tensor.from(fill(`${op}/${name}`, shape, seed, scale, offset), shape, { requiresGrad: true });
    }
    const y = definition.run(inputs, params);
    if (!(y instanceof Tensor)) throw new Error('expected one output');
    backward(y, Tensor.from(fill(`${op}/grad`, y.shape, seed), y.shape));
    return [y, ...Object.values(inputs)];
  });
  const y = made[0]!;
  const deviations = [
    same('output shape', y.shape, output.shape),
    compare('output', await y.data(), output.values, output.shape, opTolerance(output.values)),
  ];
  for (const [name, expected] of Object.entries(grads)) {
    const { grad, shape } = inputs[name]!;
    deviations.push(
      grad
        ? compare(`gradient of ${name}`, await grad.data(), expected, shape, opTolerance(expected))
        : differs(`gradient of ${name}`, 'there is none'),
    );
    grad?.dispose();
  }
  for (const tensor of made) tensor.dispose();
  return deviations;
}

async function checkRunning(golden: RunningCase, seed: number): Promise<Deviation[]> {
  const { op, params, output } = golden;
  const definition = definitionOf(op);
  const { name, shape, scale, offset } = golden.inputs.input;
  const [mean, variance] = scope(() => {
    const input = Tensor.from(fill(name ?? `${op}/input`, shape, seed, scale, offset), shape);
    const after = definition.run({ input }, { ...params });
    if (after instanceof Tensor) throw new Error('expected running_mean and running_var');
    return [after.running_mean!, after.running_var!] as const;
  });
  const deviations: Deviation[] = [];
  for (const [key, tensor] of [
    ['running_mean', mean],
    ['running_var', variance],
  ] as const) {
    const expected = output[key];
    deviations.push(compare(key, await tensor.data(), expected, tensor.shape, opTolerance(expected)));
    tensor.dispose();
  }
  return deviations;
}
