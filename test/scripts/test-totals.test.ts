import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'scripts', 'test-totals.mjs');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'facegrad-totals-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the script on a report of one file whose tests have these states. */
function totals(states: string[], vitest: number, file: { status?: string; message?: string } = {}) {
  const count = (state: string) => states.filter(s => s === state).length;
  const assertionResults = states.map((status, i) => ({ status, fullName: `test ${i}` }));
  const report = {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    testResults: [{ name: 'a.test.ts', status: vitest === 0 ? 'passed' : 'failed', assertionResults, ...file }],
  };
  writeFileSync(join(folder, 'report.json'), JSON.stringify(report));
  return run(join(folder, 'report.json'), vitest);
}

function run(report: string, vitest: number) {
  const child = spawnSync(process.execPath, [script, report, `${vitest}`], { encoding: 'utf8' });
  return { code: child.status, stdout: child.stdout, stderr: child.stderr };
}

test('all passed', () => {
  expect(totals(['passed', 'passed'], 0)).toEqual({ code: 0, stdout: '2 passed, 0 failed\n', stderr: '' });
});

test('a failure', () => {
  expect(totals(['passed', 'failed'], 1)).toEqual({ code: 1, stdout: '1 passed, 1 failed\n', stderr: '' });
});

test.each(['skipped', 'todo', 'pending'])('a test that is %s fails a run that vitest lets pass', state => {
  const { code, stdout, stderr } = totals(['passed', state], 0);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '1 passed, 0 failed\n' });
  expect(stderr).toContain(`a.test.ts: "test 1" is ${state}`);
});

test('a file that does not load counts as a failure', () => {
  const { code, stdout, stderr } = totals([], 1, { status: 'failed', message: 'Cannot find module' });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '0 passed, 1 failed\n' });
  expect(stderr).toContain('a.test.ts did not run: Cannot find module');
});

test('an error outside of tests, and a run without tests', () => {
  const outside = totals(['passed'], 1, { status: 'passed' });
  expect(outside).toMatchObject({ code: 1, stdout: '1 passed, 0 failed\n' });
  expect(outside.stderr).toContain('vitest ended with code 1');
  expect(totals([], 0)).toEqual({ code: 1, stdout: '0 passed, 0 failed\n', stderr: 'no test ran\n' });
});

test('no report: vitest died', () => {
  const { code, stdout, stderr } = run(join(folder, 'none.json'), 134);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('code 134 before it wrote its report');
});
