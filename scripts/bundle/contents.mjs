// What goes into the bundle, decided without touching the system so that a test can ask.

/** @typedef {{ dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockEntry */

const PLATFORM = { os: 'linux', cpu: 'x64', libc: 'glibc' };

/** Dawn's builds lie side by side in the package `webgpu`. */
const OTHER_DAWN = /^node_modules\/webgpu\/dist\/(?!linux-x64\/)/;
/** Sources, declarations and source maps: Node loads none of them. */
const NEVER_LOADED = /\.(map|[cm]?ts)$/;

/** Libraries of glibc and of the C++ compiler's runtime: no Linux with a GPU driver is without them. */
const SYSTEM_LIBRARIES = /^(linux-vdso|ld-linux-x86-64|lib(c|m|mvec|dl|rt|pthread|resolv|util|gcc_s|stdc\+\+))\.so/;

/**
 * Folders below the repository of the packages that facegrad needs when it runs on x86-64 Linux.
 *
 * @param {Record<string, LockEntry>} packages of package-lock.json
 * @param {(path: string) => boolean} installed
 * @throws {Error} where a needed one is not installed
 */
export function runtimePackages(packages, installed) {
  return Object.entries(packages)
    .filter(([path, entry]) => path !== '' && !entry.dev && fits(entry))
    .filter(([path, entry]) => {
      if (!entry.optional && !installed(path)) throw new Error(`${path} is not installed`);
      return installed(path);
    })
    .map(([path]) => path);
}

/** @param {LockEntry} entry */
function fits(entry) {
  return /** @type {const} */ (['os', 'cpu', 'libc']).every(key => {
    const named = entry[key];
    if (!named || named.includes(PLATFORM[key])) return true;
    return named.every(name => name.startsWith('!')) && !named.includes(`!${PLATFORM[key]}`);
  });
}

/**
 * Whether this file of the package or of node_modules is worth its bytes.
 *
 * @param {string} path relative to the repository, with slashes
 */
export function isWanted(path) {
  return !NEVER_LOADED.test(path) && !OTHER_DAWN.test(path);
}

/**
 * The highest version of a symbol set that binaries name, `2.34` of `GLIBC_2.34`.
 *
 * @param {'GLIBC' | 'GLIBCXX'} set
 * @param {Buffer[]} binaries
 */
export function leastVersion(set, binaries) {
  const versions = binaries.flatMap(binary =>
    // Versions stand in ELF's string table, between zeros.
    [...binary.toString('latin1').matchAll(new RegExp(`\\0${set}_(\\d+(?:\\.\\d+)+)(?=\\0)`, 'g'))].map(
      m => m[1] ?? '',
    ),
  );
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

/**
 * The launcher for binaries that need these versions.
 *
 * @param {string} text of launcher.sh
 * @param {{ glibc: string, glibcxx: string }} least
 */
export function launcherFor(text, { glibc, glibcxx }) {
  return text.replace(/^GLIBC=.*$/m, `GLIBC=GLIBC_${glibc}`).replace(/^GLIBCXX=.*$/m, `GLIBCXX=GLIBCXX_${glibcxx}`);
}

/**
 * Libraries beyond those that the bundle can count on: neither of the system's nor in the bundle.
 *
 * @param {string} ldd its output for one binary: lines such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f…)`
 * @param {string} folder the bundle's
 */
export function foreignLibraries(ldd, folder) {
  return ldd
    .split('\n')
    .map(line => /^\s*(\S+)(?: => (.*?))?(?: \(0x[\da-f]+\))?$/.exec(line))
    .filter(match => match !== null)
    .map(([, name = '', path = '']) => ({ name: name.slice(name.lastIndexOf('/') + 1), path }))
    .filter(({ name, path }) => !SYSTEM_LIBRARIES.test(name) && !path.startsWith(`${folder}/`))
    .map(({ name }) => name);
}
