import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis } from '../../scripts/setup/test-tools.mjs';

/** The server of this machine; `npm test` installs one where it can. */
const redisPath = findRedis(process.env);

/** Whether tests of queues cannot be run: as those of pages, they fail where it counts. */
export const lacksRedis = redisPath === undefined && !process.env.CI;

/** A Redis of a test's own, on a port of loopback that was free. */
export interface TestRedis {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * @param args of `redis-server` beside those of its port and folder
 * @throws where there is none: `npm test` installs it where it can
 */
export async function startRedis(args: readonly string[] = [], port?: number): Promise<TestRedis> {
  const at = port ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), 'facegrad-redis-'));
  const own = ['--port', String(at), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn(redisPath ?? 'redis-server', [...own, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Ready to accept connections')) resolve();
    });
    child.on('error', reject);
    child.on('exit', () => {
      reject(new Error(`redis-server ended:\n${log}`));
    });
  });
  await ready;
  return {
    port: at,
    url: `redis://127.0.0.1:${at}`,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
