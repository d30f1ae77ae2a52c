/** Commands whose standard output or error can no longer be written: the disk of a log is full, or a reader is gone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { filesOf, resultsOf, Stand } from '../torture/stand.js';

let stand: Stand;
/** The run that nothing befell. */
let whole: string;

const at = (name: string) => join(stand.folder, name);

const training = (name: string, epochs = 3) => [
  ...['train', 'simple-mlp', '--data', stand.data, '--batch-size', '40', '--epochs', String(epochs)],
  ...['--no-autotune', '--save-every-epochs', '1', '--out', at(name)],
];

/** A shell that hands its place over to the command, with such redirections. */
const under = (redirections: string) => ['sh', '-c', `exec "$@" ${redirections}`, 'sh'];

/** What facegrad says on standard error; drivers speak there, too. */
const said = (stderr: string) => stderr.split('\n').filter(line => line.startsWith('facegrad: '));

beforeAll(async () => {
  stand = await Stand.create();
  whole = at('whole');
  const { code, stderr } = await stand.facegrad(training('whole'));
  expect(code, stderr).toBe(0);
  return () => stand.remove();
});

async function requireWhole(name: string): Promise<void> {
  const path = at(name);
  expect(await resultsOf(path)).toEqual(await resultsOf(whole));
  const named = async (run: string) => (await filesOf(run)).filter(file => !file.startsWith('events.'));
  expect(await named(path)).toEqual(await named(whole));
}

describe('a training', () => {
  it.each([
    ['plain', []],
    ['json', ['--json']],
  ])('goes on to its end where the disk of its log is full (%s)', async (name, more) => {
    const { code, stderr } = await stand.facegrad([...training(name), ...more], { under: under('>/dev/full') });
    expect(code, stderr).toBe(0);
    expect(said(stderr)).toEqual(['facegrad: standard output cannot be written (ENOSPC): the run goes on without it']);
    await requireWhole(name);
  });

  it('goes on to its end where the reader of its standard output dies', async () => {
    const running = stand.start([...training('reader'), '--json']);
    await running.printed('"event":"epoch"');
    running.process.stdout!.destroy();
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(0);
    expect(said(stderr)).toEqual(['facegrad: standard output cannot be written (EPIPE): the run goes on without it']);
    await requireWhole('reader');
  });

  it('goes on to its end where neither stream can be written', async () => {
    expect(await stand.facegrad(training('neither'), { under: under('>/dev/full 2>&1') })).toMatchObject({ code: 0 });
    await requireWhole('neither');
  });

  it('stops and saves at a signal where standard error cannot be written, and says so on standard output', async () => {
    const running = stand.start(training('signal', 100_000), { under: under('2>/dev/full') });
    await running.printed('epoch 1/');
    running.process.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    expect(code).toBe(143);
    const told = 'facegrad: standard error cannot be written (ENOSPC): the run goes on without it\n';
    expect(stdout.split(told)).toHaveLength(2);
    expect(existsSync(at('signal/last.safetensors'))).toBe(true);
  });

  it('that prints JSON keeps standard output for it where standard error cannot be written', async () => {
    const running = stand.start([...training('quiet', 100_000), '--json'], { under: under('2>/dev/full') });
    await running.printed('"event":"epoch"');
    running.process.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    expect(code).toBe(143);
    for (const line of stdout.trimEnd().split('\n')) expect(JSON.parse(line), line).toBeInstanceOf(Object);
  });
});

describe('a command that only prints', () => {
  it('says that standard output cannot be written, and ends with 1', async () => {
    const { code, stderr } = await stand.facegrad(['models'], { under: under('>/dev/full') });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^facegrad: standard output cannot be written: ENOSPC.*\n$/);
  });

  it('leaves without a word where its reader has gone', async () => {
    const running = stand.start(['models']);
    running.process.stdout!.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('says its fault by the exit code where standard error cannot be written', async () => {
    expect(await stand.facegrad(['models', 'no-such'], { under: under('2>/dev/full') })).toMatchObject({ code: 2 });
  });
});

it('workers of a study stop when the process that started them is killed', async () => {
  const recipe = '{ model: { name: simple-mlp }, training: { epochs: 100000, batch-size: 40 } }';
  const search = 'search-space: { optimizer.lr: { type: float, low: 1e-4, high: 1e-3 } }';
  writeFileSync(at('study.yaml'), `recipe: ${recipe}\ntrials: 2\n${search}\n`);
  const study = ['--study', at('study.yaml'), '--data', stand.data, '--workers', '2', '--out', at('study')];
  const running = stand.start(['tune', ...study, '--json']);
  await running.printed('"event":"epoch","trial":0');
  await running.printed('"event":"epoch","trial":1');
  const { pid } = running.process;
  const workers = readFileSync(`/proc/${pid!}/task/${pid!}/children`, 'utf8').trim().split(' ').map(Number);
  expect(workers).toHaveLength(2);
  running.process.kill('SIGKILL');
  await running.ended;
  while (workers.some(isAlive)) await new Promise(resolve => setTimeout(resolve, 50));
}, 120_000);

function isAlive(pid: number): boolean {
  // A process that has ended and that nobody has asked about is no longer of use to anybody.
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ') Z';
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}
