import { execFileSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { drawFace } from '../../src/data/synthetic/dataset.js';

/** Of a server that is held under load: where it is, and how it tells what it keeps in memory. */
export interface Target {
  /** With a slash at its end. */
  readonly url: string;
  readonly pid: number;
  /** The file of `watchedMemory`. */
  readonly memoryFile: string;
}

/** Environment for a process that is to tell what it keeps in memory, by way of `memoryFile`. */
export function watchedMemory(memoryFile: string): Record<string, string> {
  const preload = new URL('./report-memory.mjs', import.meta.url).href;
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${preload}`, FACEGRAD_MEMORY_FILE: memoryFile };
}

/** Of a process, in MiB. */
export interface Memory {
  /** What the system counts. */
  readonly resident: number;
  /** Objects and buffers of JavaScript, and WebAssembly, once all garbage is collected. */
  readonly live: number;
}

/** What a server did under load. */
export interface Held {
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests without an answer. */
  readonly unanswered: number;
  /** Answers of status 200 a second. */
  readonly rate: number;
  /** Of all answers, in milliseconds. */
  readonly latency: { readonly p50: number; readonly p99: number };
  /** Before the load, once every kind of request was answered some times; and after it. */
  readonly before: Memory;
  readonly after: Memory;
  /** Resident, in MiB. */
  readonly most: number;
}

const SIDE = 48;
const MIB = 2 ** 20;

/** Asks for everything that the API has, over and over, on so many connections. */
export async function holdLoad(
  target: Target,
  { connections, seconds, model }: { readonly connections: number; readonly seconds: number; readonly model?: string },
): Promise<Held> {
  const requests = await requestsOf(model === undefined ? '' : `model=${model}`);
  const run = (options: Omit<autocannon.Options, 'url'>) => cannonade({ url: target.url, requests, ...options });
  // Kernels are compiled, OpenCV is started, and every size of a batch has its buffers.
  await run({ connections, amount: 6 * connections });
  const before = await memoryOf(target);
  let most = before.resident;
  const timer = setInterval(() => {
    most = Math.max(most, residentOf(target.pid));
  }, 250);
  const { statuses, result } = await run({ connections, duration: seconds }).finally(() => {
    clearInterval(timer);
  });
  return {
    ...{ statuses, unanswered: result.errors + result.timeouts, rate: (statuses['200'] ?? 0) / result.duration },
    latency: { p50: result.latency.p50, p99: result.latency.p99 },
    ...{ before, after: await memoryOf(target), most },
  };
}

/** What is wrong with how a server held. */
export function faultsOf({ statuses, unanswered, before, after }: Held): string[] {
  const wrong = Object.keys(statuses).filter(status => status !== '200' && status !== '429');
  return [
    ...wrong.map(status => `${statuses[status]!} answers of status ${status}`),
    ...(statuses['200'] ? [] : ['no answer of status 200']),
    ...(unanswered > 0 ? [`${unanswered} requests without an answer`] : []),
    ...growthOf(before, after),
  ];
}

/** What V8 keeps of memory that it has collected, for what comes: its heap swings by about 100 MiB under load. */
const RESERVE = 1.6;

/** Whether memory has grown by more than compiled code, caches and V8's reserve explain. */
export function growthOf(before: Memory, after: Memory): string[] {
  if (after.live <= before.live + 8 && after.resident <= RESERVE * before.resident) return [];
  return [`memory grew: ${describe(before)} before, ${describe(after)} after`];
}

/** `321 MiB resident and 190.2 MiB live` */
export function describe({ resident, live }: Memory): string {
  return `${resident.toFixed(0)} MiB resident and ${live.toFixed(1)} MiB live`;
}

/** Asks a process what it keeps. */
export async function memoryOf({ pid, memoryFile }: Target): Promise<Memory> {
  await rm(memoryFile, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (let tries = 0; tries < 300; tries++) {
    await sleep(100);
    const text = await readFile(memoryFile, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const { rss, heapUsed, external } = JSON.parse(text) as NodeJS.MemoryUsage;
    return { resident: rss / MIB, live: (heapUsed + external) / MIB };
  }
  throw new Error(`process ${pid} did not tell what it keeps in memory`);
}

function residentOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
}

/** @param which the network that is asked, as part of a query; one with convolutions */
async function requestsOf(which: string): Promise<autocannon.Request[]> {
  const pixels = new Uint8Array(SIDE * SIDE);
  drawFace(1, 2, 3, pixels);
  const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } });
  const body = await image.resize(120).png().toBuffer();
  const classify = (query: string): autocannon.Request => {
    return { method: 'POST', path: `/api/classify?${which}${query}`, headers: { 'content-type': 'image/png' }, body };
  };
  return [
    ...[classify(''), classify(''), classify('&faces=true'), classify(''), classify('&gradCam=true')],
    ...[{ path: '/api/models' }, { path: '/health' }],
  ];
}

function cannonade(
  options: autocannon.Options,
): Promise<{ statuses: Record<string, number>; result: autocannon.Result }> {
  const statuses: Record<string, number> = {};
  return new Promise((resolve, reject) => {
    const instance = autocannon({ timeout: 60, ...options }, (error: Error | null, result) => {
      if (error) reject(error);
      else resolve({ statuses, result });
    });
    instance.on('response', (_client, status) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
    });
  });
}
