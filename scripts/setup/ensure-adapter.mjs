import { SetupError } from './setup-error.mjs';
import { adviceFor, planInstall } from './vulkan-driver.mjs';

/**
 * What the installation touches, passed in so that a test can watch it on any system.
 *
 * @typedef {object} Tools
 * @property {() => import('./adapter.mjs').Probe} probe
 * @property {() => import('./vulkan-driver.mjs').Host} describeHost
 * @property {(command: string[], input?: string) => number | string} run gives the exit code, or what ended the command
 * @property {(message: string) => void} say
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} install whether apt may be used at all
 */

/** What the Vulkan loader reads: set by mistake, each of them hides a driver that is there. */
const LOADER_VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_LOADER_DRIVERS_DISABLE'];

/**
 * Makes sure that Dawn gives a device, by installing Mesa's software driver where it finds no adapter and apt may be used.
 *
 * @param {Tools} tools
 * @returns {string} the adapter's name
 * @throws {SetupError} that says what to install
 */
export function ensureAdapter(tools) {
  let probe = tools.probe();
  if (probe.state === 'found') return probe.adapter;
  const host = tools.describeHost();
  // A driver beside one that crashes does not stop the crash.
  const plan = probe.state === 'none' ? planInstall(host) : null;
  const installs = plan?.may === true && tools.install;
  if (installs) {
    tools.say(`${probe.why}. Installing Mesa's software Vulkan driver:`);
    for (const step of plan.steps) {
      tools.say(`  ${step.says}`);
      const end = tools.run(step.command, step.input);
      if (end !== 0 && !step.mayFail) {
        throw new SetupError(`could not ${step.says}: \`${step.command.join(' ')}\` ended with ${end}`);
      }
    }
    probe = tools.probe();
    if (probe.state === 'found') return probe.adapter;
  }
  const forced = LOADER_VARIABLES.filter(name => tools.env[name]);
  throw new SetupError(
    [
      `${probe.why}${installs ? ", although Mesa's software Vulkan driver is installed now" : ''}.`,
      ...(probe.log ? [probe.log.replace(/^/gm, '  ')] : []),
      ...forced.map(name => `${name}=${tools.env[name]} decides which drivers are tried: unset it unless it is meant.`),
      // What was just done in vain is no advice.
      adviceFor(host, installs ? null : plan),
    ].join('\n'),
  );
}
