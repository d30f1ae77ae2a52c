// The floors of the house, lowest first (docs/architecture.md). A file imports from its own folder and from lower floors.
const floors = [
  'util',
  'interop',
  'gpu',
  'tensor',
  'kernels',
  'nn',
  'plots',
  'faces',
  'data',
  'train',
  'evaluate',
  'queue',
  'export',
  'bench',
  'serve',
  'cli',
];
const browserFloors = ['util', 'gpu', 'tensor', 'kernels', 'nn'];
// Files of those floors that need Node: its adapter, and what the system says of processes and disks.
const nodeDoors = '^src/(gpu/node|util/(processes|disk))\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...floors.slice(0, -1).map((floor, i) => ({
      name: `floor-${floor}`,
      comment: `src/${floor} may import from lower floors only`,
      severity: 'error',
      from: { path: `^src/${floor}/` },
      to: { path: `^src/(${floors.slice(i + 1).join('|')})/` },
    })),
    {
      name: 'known-floors-only',
      comment: 'a new folder of src/ takes its place in the list of floors',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${floors.join('|')})/` },
    },
    {
      name: 'inside-the-house',
      comment: 'what the package exports (src/index.ts), the page, tests, benches and scripts stand above all floors',
      severity: 'error',
      from: { path: '^src/[^/]+/' },
      to: { path: '^(src/[^/]+|(web|test|bench|scripts)/.*)$' },
    },
    {
      name: 'browser-floors-without-node',
      comment: 'these floors run unchanged in a browser, but for the doors to Node',
      severity: 'error',
      from: { path: `^src/(${browserFloors.join('|')})/`, pathNot: nodeDoors },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'faces-without-node',
      comment: 'faces are found in a browser too; src/faces/node.ts reads the cascade from the disk',
      severity: 'error',
      from: { path: '^src/faces/', pathNot: '^src/faces/node\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'page-without-node',
      comment: 'the page runs in browsers: nothing that it reaches may open a door to Node',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: `${nodeDoors}|^src/faces/node\\.ts$`, reachable: true },
    },
    {
      name: 'node-door',
      comment: 'browser floors reach Node only by what is passed in',
      severity: 'error',
      from: { path: `^src/(${browserFloors.join('|')})/`, pathNot: nodeDoors },
      to: { path: nodeDoors },
    },
    {
      name: 'webgpu-only-in-gpu',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/gpu/' },
      to: { path: '^node_modules/webgpu/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
