// The whole road on built-in data, in under three minutes on two cores without a GPU: trains simple-cnn on faces drawn by
// code, evaluates the best epoch on the test split and says where the results lie. Needs `npm run setup` to have run;
// `npm run demo` does both.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CLI = join(ROOT, 'dist', 'cli', 'main.js');
const RUN = join(ROOT, 'runs', 'demo');

/** Chosen so that training takes about two minutes on two cores with a software driver. */
const EPOCHS = 4;

const FILES = {
  'summary.json': 'best epoch, its accuracy, how long it took',
  'metrics.csv': 'one line for each epoch',
  'config.json': 'all options, for doing it again',
  'best.safetensors': 'weights of the best epoch',
  'last.safetensors': 'weights, optimiser and generator state; --resume goes on from here',
};

/**
 * Runs the facegrad command line on this terminal.
 *
 * @param {string[]} args
 * @returns {Promise<number>} its exit code, 128 + n where signal n ended it
 */
function facegrad(args) {
  console.log(`\n$ npx facegrad ${args.join(' ')}`);
  const child = spawn(process.execPath, [CLI, ...args], { stdio: 'inherit' });
  // Ctrl-C in a terminal reaches the child by itself, which saves and exits; a second signal would make it leave at once.
  // This process only has to outlive it. Signals sent to this process alone are passed on.
  const onInterrupt = () => void (process.stdin.isTTY || child.kill('SIGINT'));
  const onTerminate = () => void child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

async function demo() {
  const started = performance.now();
  const run = relative(process.cwd(), RUN) || '.';
  const recipe = ['--epochs', `${EPOCHS}`, '--batch-size', '64', '--lr', '1e-3', '--seed', '1'];
  const steps = [
    ['train', 'simple-cnn', '--data', 'synthetic', ...recipe, '--out', run, '--force'],
    ['eval', '--run', run, '--data', 'synthetic', '--split', 'test'],
  ];
  for (const args of steps) {
    const code = await facegrad(args);
    if (code !== 0) return code;
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`\nDone in ${Math.floor(seconds / 60)} min ${seconds % 60} s. The results lie in ${run}:`);
  for (const [file, what] of Object.entries(FILES)) {
    if (existsSync(join(RUN, file))) console.log(`  ${join(run, file).padEnd(run.length + 18)}  ${what}`);
  }
  console.log(`\nWith real faces: npx facegrad train simple-cnn --data path/to/fer2013.csv --epochs 8`);
  return 0;
}

process.exitCode = await demo();
