// Holds many requests at once against a server on this machine, and watches its answers and its memory:
//
//     npm run load -- [--connections 50] [--seconds 30] [--run <folder>]
//
// Without --run a small network is trained first. Exit code 1: an answer was neither right nor 429, or the memory grew.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describe, faultsOf, holdLoad, watchedMemory, type Held } from './hold.js';

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '30' },
      run: { type: 'string' },
    },
  });
  const [connections, seconds] = [Number(values.connections), Number(values.seconds)];
  if (!(Number.isInteger(connections) && connections > 0 && seconds >= 1 && seconds <= 600)) {
    console.error('usage: npm run load -- [--connections <n>] [--seconds <1 to 600>] [--run <folder>]');
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'facegrad-load-'));
  let server: ChildProcess | undefined;
  try {
    const run = values.run ?? (await trainSmall(join(folder, 'run')));
    const memoryFile = join(folder, 'memory.json');
    server = facegrad(['serve', '--run', run, '--port', '0', '--json'], watchedMemory(memoryFile));
    const { url } = JSON.parse(await firstLine(server)) as { url: string };
    console.log(`${connections} connections for ${seconds} s against ${url}`);
    const held = await holdLoad({ url, pid: server.pid!, memoryFile }, { connections, seconds });
    for (const line of linesOf(held)) console.log(line);
    const faults = faultsOf(held);
    for (const fault of faults) console.log(`FAIL ${fault}`);
    return faults.length === 0 ? 0 : 1;
  } finally {
    if (server?.exitCode === null) {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  }
}

function linesOf({ statuses, unanswered, rate, latency, before, after, most }: Held): string[] {
  const answers = Object.entries(statuses).map(([status, count]) => `${count} of status ${status}`);
  return [
    `answers: ${answers.join(', ')}; ${unanswered} requests without one`,
    `${rate.toFixed(0)} a second of status 200; half of all within ${latency.p50} ms, 99 % within ${latency.p99} ms`,
    `memory: ${describe(before)} before, at most ${most.toFixed(0)} MiB resident, ${describe(after)} after`,
  ];
}

async function trainSmall(out: string): Promise<string> {
  const options = ['--data', 'synthetic', '--limit', '256', '--epochs', '1', '--batch-size', '64', '--no-tensorboard'];
  const training = facegrad(['train', 'simple-cnn', ...options, '--out', out]);
  training.stdout!.resume();
  const [code] = (await once(training, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the network for the load could not be trained: exit code ${String(code)}`);
  return out;
}

function facegrad(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return spawn(process.execPath, [main, ...args], { stdio: [...stdio], env: { ...process.env, ...env } });
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line;
  throw new Error('the server ended before it listened');
}
