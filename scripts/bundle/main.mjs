import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildProblem, prepareBuild, recordBuild, sourceFingerprint } from '../setup/build.mjs';
import { dependencyProblem } from '../setup/dependencies.mjs';
import { foreignLibraries, isWanted, launcherFor, leastVersion, runtimePackages } from './contents.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));
const NAME = 'facegrad-linux-x64';
const MOST_BYTES = 60e6;

const HELP = `Usage: scripts/bundle.sh [out-file]

Packs Node, the Vulkan loader, facegrad and its runtime packages into one archive for an x86-64 Linux machine that has
only a GPU driver. The out-file's ending says how it is packed: .tar.xz (default: ${NAME}.tar.xz; it is to
stay under ${MOST_BYTES / 1e6} MB), or .tar.gz, larger by half, where the other machine has no xz.`;

/** A fault that the user can mend. */
class BundleError extends Error {}

/** @param {string[]} args */
function main(args) {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP);
    return 0;
  }
  const [out = `${NAME}.tar.xz`] = args;
  if (args.length > 1 || !/\.tar\.(xz|gz)$/.test(out)) {
    console.error(`bundle: give one file name that ends in .tar.xz or .tar.gz\n\n${HELP}`);
    return 2;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'facegrad-bundle-'));
  try {
    requirePlatform();
    build();
    const folder = join(scratch, NAME);
    fill(folder);
    const bytes = pack(scratch, resolve(out));
    console.log(`${out}: ${(bytes / 1e6).toFixed(1)} MB; on the other machine:`);
    console.log(`  tar xf ${out.slice(out.lastIndexOf('/') + 1)} && ./${NAME}/facegrad doctor`);
    return 0;
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    console.error(`bundle: ${error.message}`);
    return 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function requirePlatform() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BundleError(`a bundle is made on x86-64 Linux; this is ${process.platform} ${process.arch}`);
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new BundleError(`the Node in use goes into the bundle and must be 20 or later; it is ${process.version}`);
  }
}

function build() {
  const problem = dependencyProblem(ROOT);
  if (problem) throw new BundleError(`${problem}: run \`npm run setup\` first`);
  const stale = buildProblem(ROOT);
  if (!stale) return;
  console.error(`bundle: npm run build (${stale})`);
  const fingerprint = sourceFingerprint(ROOT);
  prepareBuild(ROOT);
  run('npm', ['run', '--silent', 'build']);
  recordBuild(ROOT, fingerprint);
}

/** @param {string} folder the bundle's, which does not exist yet */
function fill(folder) {
  for (const path of [...packageFiles(), ...moduleFiles()].filter(isWanted)) {
    copy(join(ROOT, path), join(folder, 'app', path));
  }

  const node = join(folder, 'bin', 'node');
  copy(process.execPath, node);
  // An unstripped Node is 13 MB larger; only its own build needs those symbols.
  if (spawnSync('strip', [node], { stdio: 'ignore' }).status !== 0)
    console.error('bundle: no strip; Node goes in whole');
  const loader = library('libvulkan.so.1');
  if (!loader) {
    throw new BundleError(
      'the Vulkan loader libvulkan.so.1 is not installed (Debian, Ubuntu: libvulkan1; Fedora: vulkan-loader; ' +
        'Arch: vulkan-icd-loader)',
    );
  }
  copy(loader, join(folder, 'lib', 'libvulkan.so.1'));

  const binaries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name === 'bin/node' || /\.(node|so(\.\d+)*)$/.test(name))
    .map(name => join(folder, name));
  for (const binary of binaries) {
    const foreign = foreignLibraries(run('ldd', [binary]), folder);
    if (foreign.length > 0) {
      throw new BundleError(
        `${binary.slice(folder.length + 1)} needs ${foreign.join(', ')}, which other machines may lack` +
          (binary === node ? ': use the Node of nodejs.org, which is linked with nothing else' : ''),
      );
    }
  }
  const contents = binaries.map(path => readFileSync(path));
  const glibc = leastVersion('GLIBC', contents);
  const glibcxx = leastVersion('GLIBCXX', contents);
  if (!glibc || !glibcxx) throw new BundleError('the binaries name no version of glibc and libstdc++');
  const launcher = join(folder, 'facegrad');
  writeFileSync(launcher, launcherFor(readFileSync(join(HERE, 'launcher.sh'), 'utf8'), { glibc, glibcxx }));
  chmodSync(launcher, 0o755);
  licences(folder);
}

/** Files of the npm package, as npm itself would pack them. */
function packageFiles() {
  /** @type {[{ files: { path: string }[] }]} */
  const [{ files }] = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']));
  return files.map(({ path }) => path);
}

function moduleFiles() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  return runtimePackages(packages, path => existsSync(join(ROOT, path, 'package.json'))).flatMap(path =>
    readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true })
      // A package inside a package has its own entry in the lock file, and may be there for development only.
      .filter(entry => entry.isFile() && !nestedIn(join(ROOT, path), entry.parentPath))
      .map(entry => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
  );
}

/**
 * @param {string} folder of a package
 * @param {string} inner a folder below it
 */
function nestedIn(folder, inner) {
  return inner.slice(folder.length).split('/').includes('node_modules');
}

/**
 * Where the dynamic linker finds a library.
 *
 * @param {string} name
 * @returns {string | undefined} its file, links resolved
 */
function library(name) {
  // ldconfig is not on the path of ordinary users.
  const cache = run('/sbin/ldconfig', ['-p']);
  const path = cache
    .split('\n')
    .find(line => line.trim().startsWith(`${name} (libc6,x86-64`))
    ?.split(' => ')[1];
  return path && realpathSync(path);
}

/**
 * The terms of what is not facegrad's own; packages of npm bring theirs along.
 *
 * @param {string} folder
 */
function licences(folder) {
  const prefix = dirname(dirname(process.execPath));
  const sources = {
    node: [join(prefix, 'LICENSE'), join(prefix, 'share/doc/nodejs/LICENSE'), join(prefix, 'share/doc/node/LICENSE')],
    'vulkan-loader': ['/usr/share/doc/libvulkan1/copyright', '/usr/share/licenses/vulkan-loader/LICENSE.txt'],
  };
  for (const [name, paths] of Object.entries(sources)) {
    const found = paths.find(path => existsSync(path));
    if (found) copy(found, join(folder, 'licenses', name));
    else
      console.error(
        `bundle: no licence text of ${name} was found on this machine: add it before passing the bundle on`,
      );
  }
}

/**
 * @param {string} scratch the folder that holds the bundle's
 * @param {string} out
 * @returns {number} bytes of the archive
 */
function pack(scratch, out) {
  // The same content gives the same archive, whoever makes it and when.
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=u+rw,go+r,go-w'];
  run('tar', ['-C', scratch, ...same, '-caf', out, NAME], { XZ_OPT: '-6 -T2', GZIP: '-9' });
  const bytes = statSync(out).size;
  if (out.endsWith('.xz') && bytes > MOST_BYTES) {
    throw new BundleError(
      `${out} has ${(bytes / 1e6).toFixed(1)} MB, more than ${MOST_BYTES / 1e6}: see what grew with tar tvf`,
    );
  }
  return bytes;
}

/**
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env] beside the environment
 * @returns {string} its standard output
 */
function run(program, args, env = {}) {
  const child = spawnSync(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: Infinity,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.status !== 0) {
    throw new BundleError(`${program} ${args.join(' ')} failed: ${child.error?.message ?? child.stderr}`);
  }
  return child.stdout;
}

process.exitCode = main(process.argv.slice(2));
