import { debianMirror, hasSuite, suiteFile } from './apt-sources.mjs';

/** @typedef {import('./apt-sources.mjs').AptSource} AptSource */

/**
 * What decides how a Vulkan driver comes onto this machine, gathered by the caller so that a test can make it up.
 *
 * @typedef {object} Host
 * @property {string} platform as `process.platform`
 * @property {string} osRelease text of /etc/os-release, empty where there is none
 * @property {AptSource[] | null} apt what apt reads, or null where there is no apt-get
 * @property {boolean} root
 * @property {boolean} sudo whether sudo asks for no password
 */

/**
 * One command, with what it is for. `input` goes to its standard input. A step that `mayFail` is only a preparation:
 * apt-get update fails when any one of the user's sources is down.
 *
 * @typedef {{ says: string, command: string[], input?: string, mayFail?: boolean }} Step
 */

/** `may` tells whether the steps can be run here and now; else the user has to run them. */
/** @typedef {{ steps: Step[], may: boolean }} Plan */

const PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1'];
const BACKPORTS = 'bookworm-backports';
const BACKPORTS_FILE = '/etc/apt/sources.list.d/facegrad-bookworm-backports.sources';

/** Where apt's sources name no mirror to copy, as in an image whose sources were stripped. */
const DEBIAN = {
  uris: ['http://deb.debian.org/debian'],
  suites: [],
  components: ['main'],
  options: { 'Signed-By': '/usr/share/keyrings/debian-archive-keyring.gpg' },
};

/**
 * The commands that install Mesa's software Vulkan driver, or null on a system where this project knows none.
 *
 * @param {Host} host
 * @returns {Plan | null}
 */
export function planInstall(host) {
  const os = parseOsRelease(host.osRelease);
  const family = [os['ID'], ...(os['ID_LIKE'] ?? '').split(' ')];
  if (host.platform !== 'linux' || !host.apt || !family.some(f => f === 'debian' || f === 'ubuntu')) return null;

  // Dawn refuses the Mesa 22.3 of Debian 12 ("shaderUniform*ArrayDynamicIndexing required"); the backport is 25.0.
  const backport = os['ID'] === 'debian' && os['VERSION_CODENAME'] === 'bookworm';
  const asRoot = host.root ? [] : ['sudo', '-n'];
  const apt = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q'];
  /** @type {Step[]} */
  const steps = [];
  if (backport && !hasSuite(host.apt, BACKPORTS)) {
    const mirror = debianMirror(host.apt, ['bookworm', 'stable', 'oldstable']) ?? DEBIAN;
    steps.push({
      says: `add Debian's ${BACKPORTS} in ${BACKPORTS_FILE} (the Mesa of Debian 12 itself is too old for Dawn)`,
      command: [...asRoot, 'tee', BACKPORTS_FILE],
      input: suiteFile(mirror, BACKPORTS),
    });
  }
  steps.push({ says: "fetch apt's package lists", command: [...apt, 'update'], mayFail: true });
  steps.push({
    says: `install ${PACKAGES.join(' and ')}${backport ? ` from ${BACKPORTS}` : ''}`,
    command: [
      ...apt,
      ...['-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends'],
      ...(backport ? ['-t', BACKPORTS] : []),
      ...PACKAGES,
    ],
  });
  return { steps, may: host.root || host.sudo };
}

/**
 * What the user can do where setup cannot.
 *
 * @param {Host} host
 * @param {Plan | null} plan
 * @returns {string} lines without an end
 */
export function adviceFor(host, plan) {
  if (plan) return ['As root:', ...plan.steps.map(step => `  ${shellLine(step)}`)].join('\n');
  if (host.platform === 'darwin')
    return 'Dawn uses Metal: update macOS; a virtual machine must pass a Metal device on.';
  if (host.platform === 'win32')
    return "Dawn uses Direct3D 12 or Vulkan: install the graphics vendor's current driver.";
  return [
    "Dawn needs Vulkan: a GPU's own driver, or Mesa's software driver (25.0 is known to work, 22.3 is too old).",
    '  Debian, Ubuntu   apt-get install mesa-vulkan-drivers libvulkan1   (Debian 12: -t bookworm-backports)',
    '  Fedora           dnf install mesa-vulkan-drivers vulkan-loader',
    '  Arch             pacman -S vulkan-swrast vulkan-icd-loader',
  ].join('\n');
}

/** @param {Step} step */
function shellLine({ command, input }) {
  const words = command.filter((word, i) => !(i < 2 && (word === 'sudo' || word === '-n')));
  const target = words.at(-1);
  return input === undefined ? words.join(' ') : `printf '%s' '${input.replaceAll("'", `'\\''`)}' > ${target}`;
}

/**
 * @param {string} text of /etc/os-release
 * @returns {Record<string, string>}
 */
export function parseOsRelease(text) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Z_][A-Z0-9_]*)=["']?(.*?)["']?\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields[name] = value;
  }
  return fields;
}
