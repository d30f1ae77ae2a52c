import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'facegrad-demo-'));
  cpSync(join(repository, 'scripts', 'demo.mjs'), join(root, 'scripts', 'demo.mjs'));
  mkdirSync(join(root, 'runs', 'demo'), { recursive: true });
  writeFileSync(join(root, 'runs', 'demo', 'summary.json'), '{}');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** Starts the demo with this text as the facegrad command line. */
function demo(main: string) {
  mkdirSync(join(root, 'dist', 'cli'), { recursive: true });
  writeFileSync(join(root, 'dist', 'cli', 'main.js'), main);
  const child = spawn(process.execPath, ['scripts/demo.mjs'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)));
  const code = once(child, 'close').then(([exitCode]: unknown[]) => exitCode);
  return { child, lines, code };
}

const echo = `console.log('ran', ...process.argv.slice(2));\n`;

test('trains, evaluates that run on the test split, names the results that are there', async () => {
  const { lines, code } = demo(echo);
  expect(await code).toBe(0);
  const [train = '', evaluate, ...more] = lines.filter(line => line.startsWith('ran '));
  expect(train).toMatch(/^ran train simple-cnn --data synthetic .*--out runs.demo --force$/);
  expect(evaluate).toMatch(/^ran eval --run runs.demo --data synthetic --split test$/);
  expect(more).toEqual([]);
  expect(lines.join('\n')).toMatch(/The results lie in runs.demo:\n\s+runs.demo.summary\.json {2,}\S/);
  expect(lines.join('\n')).not.toContain('best.safetensors');
});

test('a failed training ends the demo with its exit code', async () => {
  const { lines, code } = demo(`${echo}process.exitCode = 2;`);
  expect(await code).toBe(2);
  expect(lines.filter(line => line.startsWith('ran '))).toHaveLength(1);
});

test('an interrupt is passed on once, and what the training makes of it is the exit code', async () => {
  const saving = `let n = 0;
    process.on('SIGINT', () => { n += 1; setTimeout(() => { console.log('saved after', n); process.exit(130); }, 200); });
    setInterval(() => undefined, 1000);
    console.log('ready');`;
  const { child, lines, code } = demo(saving);
  await expect.poll(() => lines, { timeout: 10_000 }).toContain('ready');
  child.kill('SIGINT');
  expect(await code).toBe(130);
  expect(lines).toContain('saved after 1');
});
