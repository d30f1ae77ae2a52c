import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/**
 * @typedef {object} Tools
 * @property {() => import('./vulkan-driver.mjs').Host} describeHost
 * @property {(command: string[]) => number | string} run gives the exit code, or what ended the command
 * @property {(message: string) => void} say
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} install whether apt may be used at all
 */

/**
 * A program that some tests run.
 *
 * @typedef {object} TestTool
 * @property {string[]} names the first of them on the path is taken
 * @property {string} [variable] of the environment: names another
 * @property {string} package Debian's
 * @property {string[]} systems IDs of /etc/os-release on which that package is what is wanted
 * @property {string} called for people
 * @property {string} tests what is skipped without it
 */

/** Ubuntu's package is a snap, which containers do not run. */
const BROWSER = {
  names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  variable: 'CHROMIUM',
  package: 'chromium',
  systems: ['debian'],
  called: 'Chromium or Chrome',
  tests: 'tests of pages',
};
const REDIS = {
  names: ['redis-server'],
  variable: 'REDIS_SERVER',
  package: 'redis-server',
  systems: ['debian', 'ubuntu'],
  called: 'redis-server',
  tests: 'tests of queues',
};
const OPENSSL = {
  names: ['openssl'],
  package: 'openssl',
  systems: ['debian', 'ubuntu'],
  called: 'openssl',
  tests: 'tests of queues',
};

/** @type {readonly TestTool[]} */
const TOOLS = [BROWSER, REDIS, OPENSSL];

/**
 * @param {TestTool} tool
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function find({ names, variable }, env) {
  const named = variable === undefined ? undefined : env[variable];
  if (named) return named;
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram);
}

/**
 * The browser that tests of pages are run in: what CHROMIUM names, else the first Chromium or Chrome on the path.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export const findBrowser = env => find(BROWSER, env);

/**
 * The server that tests of queues start: what REDIS_SERVER names, else the first on the path. Undefined also where there is no
 * openssl, which makes its certificates.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export const findRedis = env => (find(OPENSSL, env) === undefined ? undefined : find(REDIS, env));

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes sure that there is what tests run besides facegrad, by installing Debian's packages where apt may be used. Debian
 * starts a Redis of its own on its port, which tests leave alone.
 *
 * @param {Tools} tools
 * @throws {SetupError} where apt failed; without a program and without apt it says so, and its tests are skipped
 */
export function ensureTestTools({ describeHost, run, say, env, install }) {
  const missing = TOOLS.filter(tool => !find(tool, env));
  if (missing.length === 0) return;
  const { platform, osRelease, apt, root, sudo } = describeHost();
  const id = /^ID="?([a-z]+)"?$/m.exec(osRelease)?.[1] ?? '';
  const may = platform === 'linux' && apt && install && (root || sudo);
  const [wanted, lacking] = [true, false].map(kind =>
    missing.filter(({ systems }) => Boolean(may && systems.includes(id)) === kind),
  );
  for (const { called, variable, tests } of lacking ?? []) {
    say(`no ${called} is on the path${variable === undefined ? '' : ` (or in ${variable})`}: ${tests} are skipped`);
  }
  if (!wanted || wanted.length === 0) return;
  const packages = wanted.map(tool => tool.package);
  const aptGet = [...(root ? [] : ['sudo', '-n']), 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q'];
  say(`install ${packages.join(', ')}, for the ${[...new Set(wanted.map(({ tests }) => tests))].join(' and the ')}`);
  // Fails where any one of the user's sources is down, which need not be the one that has the package.
  run([...aptGet, 'update']);
  const command = [...aptGet, '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', ...packages];
  const end = run(command);
  if (end !== 0)
    throw new SetupError(`could not install ${packages.join(', ')}: \`${command.join(' ')}\` ended with ${end}`);
}
