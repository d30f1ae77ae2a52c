import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { runProcesses } from '../../src/cli/queue/processes.js';
import { StudyJsonReporter } from '../../src/cli/report/study.js';
import { runWorkers } from '../../src/cli/tune/workers.js';

type Stop = 'SIGINT' | 'SIGTERM';
type Told = Parameters<typeof runProcesses>[2];

const slot = { adapter: undefined, backend: undefined, env: {} };
const STARTERS: [string, (told: Told) => Promise<void>][] = [
  ['worker', told => runProcesses([slot, slot], { lease: 30 }, told)],
  ['tune', told => runWorkers({ study: 's.yaml', workers: 2 }, 'out', new StudyJsonReporter(), told)],
];

/** Leaves a file when it is ready, and one for the first signal that it gets. */
const SCRIPT = `
import { writeFileSync } from 'node:fs';
const tell = text => writeFileSync(process.argv[1] + '.' + process.pid + '.' + text, '');
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
  process.on(signal, () => { tell(signal); process.exit(code); });
}
setInterval(() => undefined, 1000);
tell('ready');
`;

// What has come by the group already, as Ctrl-C does and systemd's stop, is then no second signal, which would end them at once.
it.each(STARTERS.flatMap(([name, run]) => (['SIGINT', 'SIGTERM'] as const).map(stop => [name, stop, run] as const)))(
  'the processes of %s are told to stop by the signal that came: %s',
  async (_name, stop: Stop, run) => {
    const folder = await mkdtemp(join(tmpdir(), 'facegrad-processes-'));
    const before = process.argv[1]!;
    process.argv[1] = join(folder, 'main.mjs');
    const controller = new AbortController();
    try {
      await writeFile(process.argv[1], SCRIPT);
      const ended = run({ signal: controller.signal, received: stop });
      const told = async (text: string) => (await readdir(folder)).filter(name => name.endsWith(text));
      await vi.waitFor(async () => {
        expect(await told('ready')).toHaveLength(2);
      }, 60_000);
      controller.abort();
      await ended;
      expect(await told(stop)).toHaveLength(2);
      expect(await told(stop === 'SIGINT' ? 'SIGTERM' : 'SIGINT')).toEqual([]);
    } finally {
      controller.abort();
      process.argv[1] = before;
      await rm(folder, { recursive: true, force: true });
    }
  },
);
