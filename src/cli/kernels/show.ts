import { launchesOf, type ShownLaunch } from '../../bench/study/show.js';
import { formatSizes, sizesOf, targets, type Target } from '../../bench/study/targets.js';
import { UserError } from '../../util/errors.js';
import type { GpuOptions } from '../options.js';
import { packageVersion } from '../version.js';
import { findTarget } from './find-target.js';

export interface ShowFlags extends GpuOptions {
  shape?: string;
  portable?: true;
  lanes?: number;
  json?: true;
}

/** `facegrad kernels show`. */
export async function showKernel(name: string, flags: ShowFlags): Promise<void> {
  const { adapter, backend, shape, portable, lanes, json } = flags;
  if (portable && lanes !== undefined)
    throw new UserError('--portable is for adapters without subgroups: leave out --lanes');
  if ((portable || lanes !== undefined) && (adapter ?? backend) !== undefined) {
    throw new UserError('--portable and --lanes need no adapter: leave out --adapter and --backend');
  }
  const { target, entry } = await targetOf(name);
  const sizes = sizesOf(target, shape);
  const { TuningCache } = await import('../../train/tuning/cache.js');
  const shown = await launchesOf(target.work(sizes), {
    ...{ adapter, backend, lanes },
    ...(portable && { subgroups: false }),
    tuning: async device => {
      if (portable || lanes !== undefined) return new Map();
      const warn = (text: string) => {
        console.error(`facegrad: warning: ${text}`);
      };
      return (await TuningCache.open(device, packageVersion(), warn)).choices;
    },
  });
  const launches = shown.launches.filter(launch => entry === undefined || launch.entry === entry);
  if (launches.length === 0) throw new UserError(`${entry ?? name} is not launched for ${formatSizes(sizes)} there`);
  if (json) {
    console.log(JSON.stringify({ kernel: target.name, sizes, adapter: shown.adapter, launches }, null, 2));
    return;
  }
  console.log(`// ${target.name} for ${formatSizes(sizes)} on ${shown.adapter}`);
  const printed = new Set<string>();
  for (const launch of launches) {
    console.log(launchLines(launch).join('\n'));
    if (!printed.has(launch.wgsl)) console.log(`\n${launch.wgsl}`);
    else console.log('// the same text as above');
    printed.add(launch.wgsl);
  }
}

/** The target that launches an entry point of this name, or has it itself. */
async function targetOf(name: string): Promise<{ target: Target; entry: string | undefined }> {
  const { shaderNames, shaderText } = await import('../../gpu/node.js');
  const { parseShader } = await import('../../gpu/shader.js');
  if (targets.some(target => target.name === name)) return { target: findTarget(name), entry: undefined };
  const shader = shaderNames().find(file => parseShader(file, shaderText(file)).entryPoints.has(name));
  const backward = name.includes('backward') ? 'backward' : 'forward';
  const target = shader && targets.find(each => each.name === shader || each.name === `${shader}_${backward}`);
  return target ? { target, entry: name } : { target: findTarget(name), entry: undefined };
}

function launchLines({ shader, entry, constants = {}, params = {}, grid, bindings }: ShownLaunch): string[] {
  const list = (values: object) =>
    Object.entries(values)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(' ') || 'none';
  return [
    `// ${entry} of shaders/${shader}.wgsl, grid (${grid.join(', ')})`,
    `//   constants ${list(constants)}`,
    `//   Params    ${list(params)}`,
    `//   bindings  ${bindings.join(' ')}`,
  ];
}
