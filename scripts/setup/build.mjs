import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** What tsc writes for one source file, by suffix; anything else in dist/ is not ours to delete. */
const OUTPUT = /(\.d\.ts|\.js)(\.map)?$/;
/** Where Vite writes the page: it empties that folder itself. */
const PAGE = `web${sep}`;
/** What goes into the page beside the sources. */
const PAGE_FOLDERS = ['web', 'shaders', 'cascades'];
const STAMP = join('dist', '.fingerprint');

/**
 * A hash of all that decides the output of the compiler and of Vite: the sources, the page and what it holds, their settings and
 * (by the lock file) their versions. Contents are hashed because times lie after a copy or a checkout; 500 files take a few
 * milliseconds.
 *
 * @param {string} root the repository
 */
export function sourceFingerprint(root) {
  const hash = createHash('sha256');
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'vite.config.ts', 'package-lock.json'];
  const sources = sourceFiles(root).map(f => join('src', f));
  for (const file of [...settings.filter(f => existsSync(join(root, f))), ...sources, ...pageFiles(root)]) {
    const content = readFileSync(join(root, file));
    hash.update(`${file.split(sep).join('/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * The first reason why dist/ is not what the sources compile to, or null.
 *
 * @param {string} root the repository
 * @returns {string | null}
 */
export function buildProblem(root) {
  if (!existsSync(join(root, 'dist'))) return 'dist/ is missing';
  const [stale] = staleOutputs(root);
  if (stale) return `${join('dist', stale)} has no source any more`;
  const stamp = readStamp(root);
  if (stamp === null) return 'the last build did not finish';
  if (stamp !== sourceFingerprint(root)) return 'the sources changed';
  const [missing] = missingOutputs(root);
  return missing ? `${join('dist', missing)} is missing` : null;
}

/**
 * Brings dist/ into a state from which an incremental compile yields exactly the sources' output: outputs whose source
 * is gone are deleted, and the compiler forgets what it wrote where some of that is missing (it would not write it again).
 *
 * @param {string} root the repository
 */
export function prepareBuild(root) {
  for (const file of staleOutputs(root)) {
    rmSync(join(root, 'dist', file));
    removeEmptyFolders(join(root, 'dist'), dirname(join(root, 'dist', file)));
  }
  if (missingOutputs(root).length > 0) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true });
  rmSync(join(root, STAMP), { force: true });
}

/**
 * Records what a finished build was made from.
 *
 * @param {string} root the repository
 * @param {string} fingerprint taken before the compiler ran, so that an edit made meanwhile is seen next time
 */
export function recordBuild(root, fingerprint) {
  writeFileSync(join(root, STAMP), fingerprint);
}

/**
 * npx runs the compiled command as it is, and makes it executable only the first time; tsc writes a new file without that.
 *
 * @param {string} root the repository
 */
export function makeCommandsExecutable(root) {
  /** @type {{ bin?: Record<string, string> }} */
  const { bin = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const file of Object.values(bin).map(path => join(root, path))) {
    if (existsSync(file) && (statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
  }
}

/** @param {string} root */
function readStamp(root) {
  return existsSync(join(root, STAMP)) ? readFileSync(join(root, STAMP), 'utf8') : null;
}

/** @param {string} root */
function sourceFiles(root) {
  return list(join(root, 'src')).filter(f => f.endsWith('.ts'));
}

/** @param {string} root */
function pageFiles(root) {
  return PAGE_FOLDERS.flatMap(folder => list(join(root, folder)).map(f => join(folder, f))).filter(f =>
    statSync(join(root, f)).isFile(),
  );
}

/** @param {string} root */
function missingOutputs(root) {
  const compiled = sourceFiles(root).filter(f => !f.endsWith('.d.ts'));
  const page = join('web', 'index.html');
  return [...compiled.map(f => f.replace(/\.ts$/, '.js')), ...(existsSync(join(root, page)) ? [page] : [])].filter(
    f => !existsSync(join(root, 'dist', f)),
  );
}

/** @param {string} root */
function staleOutputs(root) {
  const sources = new Set(sourceFiles(root));
  return list(join(root, 'dist')).filter(
    f => OUTPUT.test(f) && !f.startsWith(PAGE) && !sources.has(f.replace(OUTPUT, '.ts')),
  );
}

/**
 * @param {string} folder
 * @returns {string[]} paths of all files below it, relative to it, in a fixed order
 */
function list(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

/**
 * @param {string} top never removed itself
 * @param {string} folder
 */
function removeEmptyFolders(top, folder) {
  for (let at = folder; at !== top && readdirSync(at).length === 0; at = dirname(at)) rmdirSync(at);
}
