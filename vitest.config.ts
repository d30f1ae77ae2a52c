import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A process keeps one device for all of its files, so that pipelines are compiled once in each. More than two would compile them
    // more often than they gain: software Vulkan computes on every core as it is.
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
