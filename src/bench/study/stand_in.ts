import type { Device, Dispatch } from '../../gpu/device.js';
import { outline } from '../../gpu/outline.js';
import { parseShader, type Shader } from '../../gpu/shader.js';
import { choiceName, recordProblems } from '../../kernels/tuning/index.js';
import type { TuningTable } from '../../gpu/device.js';
import { UserError } from '../../util/errors.js';

/** How a changed copy of one of our shader files runs: in place of which, and with which choice of tiles. */
export interface StandIn {
  readonly shader: string;
  readonly tuning: TuningTable;
}

/**
 * Finds the shader that `copy` stands for among those that `run` launches, and the choice of tiles that its constants name.
 * @throws UserError where it does not declare what our launches name, or its constants fit no launch of ours
 */
export function findStandIn(
  device: Device,
  file: string,
  copy: Shader,
  run: () => void,
  shaderText: (name: string) => string,
): StandIn {
  const launches = device.launchesOf(run);
  const entries = (shader: string) => launches.filter(call => call.shader === shader).map(({ entry }) => entry);
  const shader = [...new Set(launches.map(call => call.shader))].find(name =>
    entries(name).every(entry => copy.entryPoints.has(entry)),
  );
  if (shader === undefined) {
    const wanted = [...new Set(launches.map(call => `${call.entry} of ${call.shader}.wgsl`))].join(', ');
    throw new UserError(
      `${file}: has no '//! dispatch (x, y, z)' line, and not the entry points that are launched here (${wanted})`,
    );
  }
  const ours = parseShader(shader, shaderText(shader));
  const mine = new Map(outline(copy).constants.map(({ name, value }) => [name, value]));
  for (const call of launches.filter(call => call.shader === shader)) requireNames(file, call, ours, copy, mine);
  const changed = new Map(
    outline(ours)
      .constants.filter(({ name, value }) => mine.has(name) && mine.get(name) !== value)
      .map(({ name }) => [name, mine.get(name)!]),
  );
  return { shader, tuning: tilesOf(device, file, shader, launches, changed, run) };
}

function requireNames(
  file: string,
  call: Dispatch,
  ours: Shader,
  copy: Shader,
  constants: ReadonlyMap<string, string>,
): void {
  const missing = [
    ...Object.keys(call.bindings)
      .filter(name => !copy.bindings.has(name))
      .map(name => `binding ${name}`),
    ...Object.keys(call.constants ?? {})
      .filter(name => !constants.has(name))
      .map(name => `constant ${name}`),
  ];
  if (missing.length > 0) {
    throw new UserError(`${file}: declares no ${missing.join(', no ')}, which launches of ${call.entry} name`);
  }
  const fields = ({ params }: Shader) => params.map(({ name, type }) => `${name}: ${type}`).join(', ');
  if (fields(copy) !== fields(ours)) {
    throw new UserError(`${file}: its Params must hold, as ${ours.name}.wgsl has them, ${fields(ours)}`);
  }
}

/** The host writes constants that size the grid: where a reader changed some, the choice that has them must be launched. */
function tilesOf(
  device: Device,
  file: string,
  shader: string,
  launches: readonly Dispatch[],
  changed: ReadonlyMap<string, string>,
  run: () => void,
): TuningTable {
  const set = launches.filter(call => call.shader === shader).map(({ constants = {} }) => constants);
  const wanted = [...changed].filter(([name, value]) =>
    set.some(constants => name in constants && !same(constants[name]!, value)),
  );
  if (wanted.length === 0) return device.tuning;
  for (const { key, tunable, problem } of recordProblems(device, run)) {
    const found = tunable
      .candidates(problem, device)
      .find(
        choice =>
          choice.shader === shader &&
          wanted.every(([name, value]) => name in choice.values && same(choice.values[name]!, value)),
      );
    if (found) return new Map([...device.tuning, [key, choiceName(found)]]);
  }
  const list = wanted.map(([name, value]) => `${name} = ${value}`).join(', ');
  throw new UserError(
    `${file}: ${list} is set by the host, which has no launch for that here; write '//! dispatch (x, y, z)' above the ` +
      'entry point to launch it as you want, or take a value that `facegrad tune-kernels` tries',
  );
}

function same(given: number | boolean | string, text: string): boolean {
  return typeof given === 'number' ? given === parseFloat(text) : String(given) === text;
}
