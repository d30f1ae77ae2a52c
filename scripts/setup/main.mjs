import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probeAdapter } from './adapter.mjs';
import { parseAptSources } from './apt-sources.mjs';
import { buildProblem, makeCommandsExecutable, prepareBuild, recordBuild, sourceFingerprint } from './build.mjs';
import { dependencyProblem } from './dependencies.mjs';
import { ensureAdapter } from './ensure-adapter.mjs';
import { SetupError } from './setup-error.mjs';
import { ensureTestTools } from './test-tools.mjs';

/** @typedef {import('./vulkan-driver.mjs').Host} Host */
/** `spoke` becomes true with the first message: something was needed. */
/** @typedef {{ install: boolean, quiet: boolean, spoke: boolean }} Options */

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const HELP = `Usage: node scripts/setup.mjs [options]

Makes this checkout ready to run, doing only what is needed:
  1. npm ci, where node_modules is not what package-lock.json asks for
  2. npm run build, where dist/ is not what src/ compiles to
  3. a WebGPU adapter: where Dawn finds none on Debian or Ubuntu, and apt may be used (root, or sudo without a
     password), Mesa's software Vulkan driver is installed
  4. with --test-tools, what tests run besides: a Chromium for those of pages, a Redis and openssl for those of queues;
     likewise from Debian

Options:
  --test-tools  look for what tests run besides too
  --no-install  never use apt; print what to install and exit 1
  --quiet       print nothing unless something fails
  --help        print this text`;

/**
 * @param {string[]} args command-line arguments
 * @param {NodeJS.ProcessEnv} env
 * @returns {number} the exit code: 0 when all is ready, 1 when not, 2 for an unknown option
 */
export function setUp(args, env) {
  const unknown = args.find(arg => !['--test-tools', '--no-install', '--quiet', '--help'].includes(arg));
  if (unknown !== undefined) {
    console.error(`setup: unknown option ${unknown}\n\n${HELP}`);
    return 2;
  }
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const options = { install: !args.includes('--no-install'), quiet: args.includes('--quiet'), spoke: false };
  try {
    installDependencies(options, env);
    build(options, env);
    const adapter = ensureAdapter({
      probe: () => probeAdapter(ROOT),
      describeHost,
      run: (command, input) => run(options, env, command, input),
      say: message => say(options, message),
      env,
      install: options.install,
    });
    if (args.includes('--test-tools')) {
      ensureTestTools({
        ...{ describeHost, env, install: options.install },
        run: command => run(options, env, command),
        say: message => say(options, message),
      });
    }
    // Before every `npm test` there is nothing to say when nothing was needed; a log of CI should name its adapter.
    const beforeAnother = /^pre/.test(env.npm_lifecycle_event ?? '') && !env.CI;
    if (options.spoke || !beforeAnother) say(options, `ready: Node ${process.versions.node}, WebGPU on ${adapter}`);
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`setup: ${error.message}`);
    return 1;
  }
}

/**
 * @param {Options} options
 * @param {NodeJS.ProcessEnv} env
 */
function installDependencies(options, env) {
  const problem = dependencyProblem(ROOT);
  if (!problem) return;
  say(options, `npm ci (${problem})`);
  // Every native package brings its binary along, so no install script is needed. NODE_ENV=production must not keep out
  // the compiler.
  npm(options, env, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--include=dev', '--include=optional']);
}

/**
 * @param {Options} options
 * @param {NodeJS.ProcessEnv} env
 */
function build(options, env) {
  const problem = buildProblem(ROOT);
  if (problem) {
    say(options, `npm run build (${problem})`);
    const fingerprint = sourceFingerprint(ROOT);
    prepareBuild(ROOT);
    npm(options, env, ['run', '--silent', 'build']);
    recordBuild(ROOT, fingerprint);
  }
  makeCommandsExecutable(ROOT);
}

/** @returns {Host} */
function describeHost() {
  return {
    platform: process.platform,
    osRelease: readIfThere('/etc/os-release'),
    apt: succeeds('apt-get', ['--version']) ? readAptSources() : null,
    root: process.getuid?.() === 0,
    sudo: succeeds('sudo', ['-n', 'true']),
  };
}

function readAptSources() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : [];
  return ['/etc/apt/sources.list', ...files.sort()].flatMap(path => parseAptSources(path, readIfThere(path)));
}

/** @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * @param {Options} options
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} args
 */
function npm(options, env, args) {
  // A script started by npm is told which npm that is; on Windows the `npm` of the path is a batch file.
  const self = env.npm_execpath;
  const command = self?.endsWith('npm-cli.js') ? [process.execPath, self, ...args] : ['npm', ...args];
  const status = run(options, env, command);
  if (status !== 0) throw new SetupError(`npm ${args.join(' ')} ended with ${status}; its output is above.`);
}

/**
 * Runs a command whose output goes to standard error, since standard output belongs to the command that is set up for
 * (`npm run bench -- --json`). A quiet set-up shows it only when the command fails.
 *
 * @param {Options} options
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} command
 * @param {string} [input]
 * @returns {number | string} the exit code, or the signal or the fault that ended it
 */
function run(options, env, [program = '', ...args], input) {
  const child = spawnSync(program, args, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    input,
    maxBuffer: Infinity,
    shell: process.platform === 'win32' && program === 'npm',
    // What is passed in is what is written to a file; repeating it helps nobody.
    stdio: [
      input === undefined ? 'ignore' : 'pipe',
      options.quiet || input !== undefined ? 'pipe' : 2,
      options.quiet ? 'pipe' : 2,
    ],
  });
  const status = child.status ?? child.signal ?? child.error?.message ?? 'no exit code';
  if (options.quiet && status !== 0) process.stderr.write(`${child.stdout ?? ''}${child.stderr ?? ''}`);
  return status;
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/**
 * @param {Options} options
 * @param {string} message
 */
function say(options, message) {
  options.spoke = true;
  if (!options.quiet) console.error(`setup: ${message}`);
}
