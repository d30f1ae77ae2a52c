import type { Device } from '../gpu/device.js';
import { bytes, columns, whole, wrap } from './report/format.js';

/** What `facegrad doctor` finds out. */
export interface DoctorReport {
  versions: { facegrad: string; node: string; platform: string; webgpu: string };
  adapter: {
    /** As the driver describes itself, version included. */
    description: string;
    vendor: string;
    architecture: string;
    device: string;
    /** Undefined where adapters of several backends are present and none was asked for. */
    backend: string | undefined;
    type: 'CPU' | 'GPU';
  };
  /** What --backend and --adapter can choose from. */
  available: { backend: string; name: string }[];
  limits: Record<string, number>;
  features: Record<string, boolean>;
  /** Lanes that kernels share values between; 0 where they take the portable path. */
  subgroupSize: number;
  /** A kernel was run and its result compared. */
  kernel: { correct: boolean; milliseconds: number };
  warnings: string[];
}

interface Limit {
  name: keyof GPUSupportedLimits;
  meaning: string;
  format: (value: number) => string;
}

const limits = [
  { name: 'maxStorageBufferBindingSize', meaning: 'largest tensor', format: bytes },
  { name: 'maxBufferSize', meaning: 'largest buffer', format: bytes },
  { name: 'maxStorageBuffersPerShaderStage', meaning: 'tensors of one kernel', format: whole },
  { name: 'maxComputeWorkgroupStorageSize', meaning: 'memory of a workgroup', format: bytes },
  { name: 'maxComputeInvocationsPerWorkgroup', meaning: 'invocations of a workgroup', format: whole },
  { name: 'maxComputeWorkgroupsPerDimension', meaning: 'workgroups of a dimension', format: whole },
] as const satisfies readonly Limit[];

const features: readonly { name: GPUFeatureName; use: string; without: string }[] = [
  {
    name: 'subgroups',
    use: 'matrix products and convolutions share values between lanes',
    without: 'matrix products and convolutions take the portable kernels, which are slower',
  },
  { name: 'timestamp-query', use: 'GPU time of each kernel', without: 'kernels cannot be timed one by one' },
  { name: 'shader-f16', use: '16-bit operands of --precision amp', without: '--precision amp runs in f32' },
];

/** Gathers what the opened `device` tells. `asked`: the backend that was asked for. */
export function describeDevice(
  device: Device,
  versions: DoctorReport['versions'],
  available: DoctorReport['available'],
  kernel: DoctorReport['kernel'],
  asked: string | undefined,
): DoctorReport {
  const { info } = device;
  const software = info.isFallbackAdapter;
  const backends = new Set(available.map(({ backend }) => backend));
  const missing = features.filter(({ name }) => !device.features.has(name));
  const warnings = missing.map(({ name, without }) => `${name} is missing: ${without}; a newer driver may offer it`);
  if (software) {
    warnings.push(
      'this adapter is software: kernels run on the CPU. On a machine with a GPU, install its Vulkan, Metal or ' +
        'Direct3D 12 driver; --adapter and --backend choose between several',
    );
  }
  if (!kernel.correct) {
    warnings.push('the test kernel gave wrong numbers: update the graphics driver, or choose another adapter');
  }
  return {
    versions,
    adapter: {
      description: info.description,
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      backend: asked ?? (backends.size === 1 ? [...backends][0] : undefined),
      type: software ? 'CPU' : 'GPU',
    },
    available,
    limits: Object.fromEntries(limits.map(({ name }) => [name, device.limits[name]])),
    features: Object.fromEntries(features.map(({ name }) => [name, device.features.has(name)])),
    subgroupSize: device.subgroupSize,
    kernel,
    warnings,
  };
}

/** The report for people. */
export function doctorLines(report: DoctorReport): string[] {
  const { versions, adapter, kernel } = report;
  const lines = [
    `facegrad ${versions.facegrad}, Node.js ${versions.node}, webgpu ${versions.webgpu}, ${versions.platform}`,
    '',
    'Adapter',
    ...columns(
      [
        ['  driver', adapter.description],
        ['  vendor', adapter.vendor],
        ['  architecture', adapter.architecture],
        ['  device', adapter.device],
        ['  backend', adapter.backend ?? 'chosen by Dawn'],
        ['  type', adapter.type === 'CPU' ? 'CPU (software)' : 'GPU'],
      ].filter(([, value]) => value !== ''),
      'l',
    ),
    '',
    'Adapters to choose from (--backend, --adapter)',
    ...columns(
      report.available.map(({ backend, name }) => [`  ${backend}`, name]),
      'l',
    ),
    '',
    'Limits',
    ...columns(
      limits.map(({ name, meaning, format }) => [`  ${meaning}`, format(report.limits[name]!), name]),
      'lrl',
    ),
    '',
    'Features',
    ...columns(
      features.map(({ name, use, without }) => {
        const present = report.features[name]!;
        return [`  ${name}`, present ? 'yes' : 'no', present ? use : without];
      }),
      'l',
    ),
    '',
    report.subgroupSize > 0
      ? `Kernels: subgroup path, ${report.subgroupSize} lanes`
      : 'Kernels: portable path, without subgroups',
    kernel.correct
      ? `Test kernel: correct, ${kernel.milliseconds.toFixed(0)} ms with its compilation`
      : 'Test kernel: WRONG RESULT',
  ];
  for (const warning of report.warnings) lines.push('', ...wrap(`warning: ${warning}`));
  return lines;
}
