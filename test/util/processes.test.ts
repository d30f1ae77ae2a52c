import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { machineOf, ownName, stateOf, type ProcessName } from '../../src/util/processes.js';
import { workerId, workerState } from '../../src/train/study/worker.js';

/** A Linux machine: what its files hold, and what its kernel says of signals. */
const machine = {
  name: 'node',
  namespace: '4026531836',
  files: new Map<string, string>(),
  signals: new Map<number, string>(),
};
const { platform } = process;

const OTHER = 41;
const statOf = (pid: number, ticks: number) => `${pid} (a (b) c) S ${Array(18).fill('1').join(' ')} ${ticks} 9 9`;

function boot(id: string): void {
  machine.files.set('/proc/sys/kernel/random/boot_id', `${id}-0000-0000\n`);
}

/** A process begins, which this one sees. */
function begins(pid: number, ticks: number): void {
  machine.files.set(`/proc/${pid}/stat`, statOf(pid, ticks));
  machine.signals.delete(pid);
}

function ends(pid: number): void {
  machine.files.delete(`/proc/${pid}/stat`);
  machine.signals.set(pid, 'ESRCH');
}

/** How the process is called in what it has written, and then it is another's turn to read it. */
function nameOf(pid: number, ticks: number): ProcessName {
  const { host, start } = ownName();
  return { host, pid, start: start.replace(/\d+$/, String(ticks)) };
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

beforeEach(() => {
  Object.defineProperty(process, 'platform', { value: 'linux' });
  Object.assign(machine, { name: 'node', namespace: '4026531836' });
  machine.files.clear();
  machine.signals.clear();
  boot('0badc0de');
  machine.files.set('/etc/machine-id', `${'ab'.repeat(16)}\n`);
  begins(process.pid, 700);
  begins(OTHER, 500);
  const { readFileSync } = fs;
  vi.spyOn(fs, 'readFileSync').mockImplementation((...given) => {
    const [path] = given;
    if (!/^\/(proc|etc)\//.test(String(path))) return readFileSync(...given);
    const text = machine.files.get(String(path));
    if (text === undefined) throw fault('ENOENT');
    return text;
  });
  vi.spyOn(fs, 'readlinkSync').mockImplementation(() => `pid:[${machine.namespace}]`);
  vi.spyOn(os, 'hostname').mockImplementation(() => machine.name);
  vi.spyOn(process, 'kill').mockImplementation(pid => {
    const code = machine.signals.get(pid);
    if (code !== undefined) throw fault(code);
    return true;
  });
  syncBuiltinESMExports();
});
afterEach(() => {
  Object.defineProperty(process, 'platform', { value: platform });
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const ownDisk = { onOwnDisk: true };

describe('a process of this machine', () => {
  it('lives while one of its number and start is there, and is dead afterwards', () => {
    const other = nameOf(OTHER, 500);
    expect(stateOf(other)).toBe('alive');
    expect(stateOf(ownName())).toBe('alive');
    begins(OTHER, 501);
    expect(stateOf(other)).toBe('dead');
    ends(OTHER);
    expect(stateOf(other)).toBe('dead');
    machine.files.set(`/proc/${OTHER}/stat`, statOf(OTHER, 500).replace(' S ', ' Z '));
    expect(stateOf(other)).toBe('dead');
  });

  it('lives where the system hides when it began', () => {
    const other = nameOf(OTHER, 500);
    machine.files.delete(`/proc/${OTHER}/stat`);
    machine.signals.set(OTHER, 'EPERM');
    expect(stateOf(other)).toBe('alive');
  });

  it('has a name that says nothing of the machine but its name', () => {
    expect(ownName().host).toMatch(/^node@4026531836-[\da-f]{8}$/);
    expect(ownName().host).not.toContain('abab');
    expect(machineOf(ownName())).toBe('node');
    expect(machineOf({ host: 'node' })).toBe('node');
  });
});

describe('a process that cannot be seen from here', () => {
  it('is unknown in another PID namespace of the same machine, whatever has its number here', () => {
    const other = nameOf(OTHER, 500);
    machine.namespace = '4026532200';
    for (const ticks of [500, 501]) {
      begins(OTHER, ticks);
      expect(stateOf(other, ownDisk)).toBe('unknown');
    }
    ends(OTHER);
    expect(stateOf(other, ownDisk)).toBe('unknown');
  });

  it('is unknown on a machine of another name', () => {
    const other = nameOf(OTHER, 500);
    machine.name = 'elsewhere';
    ends(OTHER);
    expect(stateOf(other, ownDisk)).toBe('unknown');
  });

  it('is unknown on another machine of the same name, and of the same id, on a disk that both reach', () => {
    const other = nameOf(OTHER, 500);
    boot('1badc0de');
    ends(OTHER);
    expect(stateOf(other)).toBe('unknown');
    machine.files.set('/etc/machine-id', `${'cd'.repeat(16)}\n`);
    expect(stateOf(other, ownDisk)).toBe('unknown');
  });

  it('is dead since the machine was started anew, where it is surely this one', () => {
    const other = nameOf(OTHER, 500);
    boot('1badc0de');
    begins(OTHER, 500);
    expect(stateOf(other, ownDisk)).toBe('dead');
  });

  it.each(['', 'uninitialized\n'])('is unknown after a new start of a machine whose id is %j', id => {
    machine.files.set('/etc/machine-id', id);
    const other = nameOf(OTHER, 500);
    boot('1badc0de');
    expect(stateOf(other, ownDisk)).toBe('unknown');
  });

  it('is unknown where an earlier version, or one without /proc, has written its name', () => {
    ends(OTHER);
    for (const start of ['0badc0de-500', '1badc0de-500', '0-0']) {
      expect(stateOf({ host: 'node', pid: OTHER, start }, ownDisk)).toBe('unknown');
    }
    const other = nameOf(OTHER, 500);
    machine.files.clear();
    expect(stateOf(other, ownDisk)).toBe('unknown');
    expect(stateOf(nameOf(OTHER, 0), ownDisk)).toBe('unknown');
  });
});

it('is told by its number alone where the system tells no more', () => {
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  const other = nameOf(OTHER, 0);
  expect(other).toEqual({ host: 'node', pid: OTHER, start: '0-0' });
  expect(stateOf(other)).toBe('alive');
  ends(OTHER);
  expect(stateOf(other)).toBe('dead');
});

it('is told of workers of a study likewise', () => {
  const worker = workerId().replace(`:${process.pid}:`, `:${OTHER}:`).replace(/\d+$/, '500');
  expect(workerState(worker)).toBe('alive');
  ends(OTHER);
  expect(workerState(worker)).toBe('dead');
  boot('1badc0de');
  expect(workerState(worker)).toBe('unknown');
  expect(workerState(worker, ownDisk)).toBe('dead');
  machine.namespace = '4026532200';
  boot('0badc0de');
  expect(workerState(worker, ownDisk)).toBe('unknown');
});
