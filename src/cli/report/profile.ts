import type { KernelProfile, Profile } from '../../train/profile/profile.js';
import { columns, rate } from './format.js';

/** What `facegrad profile --json` prints. Rates are in 10⁹ a second; `null` where operations are not counted. */
export function profileJson(profile: Profile, kernels: readonly KernelProfile[]): object {
  const { options, adapter, input, roofs, step } = profile;
  const { model, mode, batchSize, optimizer, steps } = options;
  return {
    ...{ model, mode, batchSize, input, steps },
    ...(mode === 'train' && { optimizer }),
    adapter,
    roofs: { copyKernelGBs: roofs.copyKernel, copyBufferGBs: roofs.copyBuffer, fmaGflops: roofs.fma },
    step,
    kernels: kernels.map(kernel => ({ ...kernel, gflops: kernel.gflops ?? null, ofFma: kernel.ofFma ?? null })),
  };
}

/** The profile for people. */
export function profileLines(profile: Profile, kernels: readonly KernelProfile[]): string[] {
  const { options, adapter, input, roofs, step } = profile;
  const { model, mode, batchSize, optimizer, steps } = options;
  const what = mode === 'train' ? `training with ${optimizer}` : 'inference';
  const { host, counts } = step;
  const launches = kernels.reduce((sum, { calls }) => sum + calls, 0);
  const total = kernels.reduce((sum, { ms }) => sum + ms, 0);
  return [
    `${model}, ${what}: ${steps} steps of ${batchSize} images ${input.join('x')}`,
    `adapter: ${adapter}`,
    `roofs: ${rounded(roofs.copyKernel)} GB/s copied by a kernel, ${rounded(roofs.copyBuffer)} by copyBufferToBuffer; ` +
      `${rounded(roofs.fma)} GFLOP/s in registers`,
    '',
    ...columns(
      [
        ['kernel', 'calls', 'ms', 'mean ms', 'share', 'GFLOP/s', 'of roof', 'GB/s', 'of copy'],
        ...kernels.map(kernel => [
          kernel.name,
          count(kernel.calls),
          kernel.ms.toFixed(3),
          kernel.meanMs.toFixed(3),
          share(kernel.share),
          kernel.gflops === undefined ? '—' : rounded(kernel.gflops),
          kernel.ofFma === undefined ? '—' : share(kernel.ofFma),
          rounded(kernel.gbs),
          share(kernel.ofCopy),
        ]),
        ['all', count(launches), total.toFixed(3), (total / launches).toFixed(3), '', '', '', '', ''],
      ],
      'lr',
    ),
    '',
    ...columns(
      [
        ['a step by itself', `${step.wallMs.toFixed(2)} ms`, `${rate(step.imagesPerSecond)} images/s`],
        ['  GPU busy', `${step.gpuBusyMs.toFixed(2)} ms`, share(step.gpuBusyMs / step.wallMs)],
        ['  GPU idle', `${step.gpuIdleMs.toFixed(2)} ms`, `${count(step.gaps)} gaps`],
        ['  host records', `${host.record.toFixed(2)} ms`, `${count(counts.launches)} launches`],
        ['  host encodes', `${host.encode.toFixed(2)} ms`, `${count(counts.bindGroups)} new bind groups`],
        ['  host submits', `${host.submit.toFixed(2)} ms`, `${count(counts.submits)} submits`],
        ['  host waits', `${host.wait.toFixed(2)} ms`, `${count(counts.readbacks)} reads`],
      ],
      'lrl',
    ),
  ];
}

/** Three figures: `5.31`, `54.9`, `62,013`. */
function rounded(value: number): string {
  return value < 1000 ? value.toPrecision(3).replace(/e.*$/, '') : Math.round(value).toLocaleString('en-US');
}

/** A number a step, which may be a fraction. */
function count(value: number): string {
  return String(Number(value.toFixed(2)));
}

function share(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
