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

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * The browser that tests of pages are run in: what CHROMIUM names, else the first Chromium or Chrome on the path.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function findBrowser(env) {
  if (env.CHROMIUM) return env.CHROMIUM;
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return NAMES.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram);
}

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
 * Makes sure that there is a browser for the tests of pages, by installing Debian's Chromium where apt may be used. Ubuntu's
 * package is a snap, which containers do not run.
 *
 * @param {Tools} tools
 * @throws {SetupError} where apt failed; without a browser and without apt it says so, and tests of pages are skipped
 */
export function ensureBrowser({ describeHost, run, say, env, install }) {
  if (findBrowser(env)) return;
  const { platform, osRelease, apt, root, sudo } = describeHost();
  const debian = platform === 'linux' && apt && /^ID="?debian"?$/m.test(osRelease);
  if (!debian || !install || !(root || sudo)) {
    say('no Chromium or Chrome is on the path (or in CHROMIUM): tests of pages are skipped');
    return;
  }
  const aptGet = [...(root ? [] : ['sudo', '-n']), 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q'];
  say('install chromium, for the tests of pages');
  // Fails where any one of the user's sources is down, which need not be the one that has the package.
  run([...aptGet, 'update']);
  const command = [...aptGet, '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', 'chromium'];
  const end = run(command);
  if (end !== 0) throw new SetupError(`could not install chromium: \`${command.join(' ')}\` ended with ${end}`);
}
