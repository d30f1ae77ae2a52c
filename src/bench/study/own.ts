import type { Device, Dispatch } from '../../gpu/device.js';
import { outline } from '../../gpu/outline.js';
import type { Slice } from '../../gpu/pool.js';
import type { Shader } from '../../gpu/shader.js';
import { Tensor } from '../../tensor/index.js';
import { UserError } from '../../util/errors.js';
import type { Prepared } from '../contestants/contestant.js';
import type { Directives } from './directives.js';
import { evaluate, FormulaError } from './formula.js';
import type { Operands } from './operands.js';

const MOST_SCRATCH = 1 << 28;

/** Prepares a file that launches itself (`//! dispatch`) on a device that knows its text by `shader.name`. */
export async function prepareOwn(
  device: Device,
  file: string,
  shader: Shader,
  directives: Directives,
  operands: Operands,
): Promise<Prepared> {
  const { inputs, outputs, params } = operands;
  const names = numbersOf(shader, params);
  const scratch: Record<string, Tensor> = {};
  for (const { name, length, line } of directives.scratch) {
    const size = whole(`${file}:${line}`, length, names, MOST_SCRATCH);
    scratch[name] = Tensor.empty([size], { device }).keep();
  }
  const tensors = { ...inputs, ...outputs, ...scratch };
  const launches = directives.dispatches.map(({ entry, grid, line }): Dispatch => {
    const most = device.limits.maxComputeWorkgroupsPerDimension;
    const [x, ...rest] = grid.map(formula => whole(`${file}:${line}`, formula, names, most));
    if (rest.length > 2) throw new UserError(`${file}:${line}: a dispatch has at most x, y and z`);
    const bindings = bindingsOf(file, shader, entry, tensors);
    return {
      ...{ shader: shader.name, entry, bindings, grid: [x!, ...(rest as [number?, number?])] },
      ...(shader.params.length === 0 ? {} : { params: paramsOf(file, shader, params) }),
    };
  });
  const launch = () => {
    for (const call of launches) device.dispatch(call);
  };
  for (const tensor of Object.values(outputs)) tensor.set(new Float32Array(tensor.size).fill(NaN));
  launch();
  const results: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(outputs)) results[name] = await tensor.data();
  return {
    ...{ results, launch, finish: () => device.settle() },
    dispose: () => {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}

/** Names that formulas may use: the sizes of the problem, and the file's constants as far as they are numbers. */
function numbersOf(shader: Shader, params: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  const names = new Map(Object.entries(params));
  for (const { name, kind, value } of outline(shader).constants) {
    if (kind === 'alias') continue;
    try {
      // Whole numbers are divided as WGSL does.
      const number = evaluate(value, names);
      names.set(name, value.includes('.') ? number : Math.floor(number));
    } catch (error) {
      // A flag, say: an error only where a formula uses it.
      if (!(error instanceof FormulaError)) throw error;
    }
  }
  return names;
}

function whole(where: string, formula: string, names: ReadonlyMap<string, number>, most: number): number {
  try {
    const value = evaluate(formula, names);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw new FormulaError(`'${formula}' is ${value}; it must be a whole number from 1 to ${most}`);
  } catch (error) {
    if (error instanceof FormulaError) throw new UserError(`${where}: ${error.message}`);
    throw error;
  }
}

function paramsOf(file: string, shader: Shader, params: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    shader.params.map(({ name }) => {
      const value = params[name];
      if (value !== undefined) return [name, value];
      throw new UserError(`${file}: Params has no value for '${name}'; there are ${Object.keys(params).join(', ')}`);
    }),
  );
}

function bindingsOf(
  file: string,
  shader: Shader,
  entry: string,
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, Slice> {
  const { bindings = [] } = outline(shader).entryPoints.find(({ name }) => name === entry) ?? {};
  const used = bindings.filter(name => shader.bindings.get(name)!.access !== 'uniform');
  return Object.fromEntries(
    used.map(name => {
      const tensor = tensors[name];
      if (tensor) return [name, tensor.slice];
      const known = Object.keys(tensors).join(', ');
      throw new UserError(
        `${file}: nothing is bound to '${name}'; there are ${known}, and '//! scratch ${name} = length' makes a buffer`,
      );
    }),
  );
}
