import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { probeAdapter } from '../../scripts/setup/adapter.mjs';
import { debianMirror, hasSuite, parseAptSources } from '../../scripts/setup/apt-sources.mjs';
import { dependencyProblem } from '../../scripts/setup/dependencies.mjs';
import { ensureAdapter } from '../../scripts/setup/ensure-adapter.mjs';
import { checkNodeVersion } from '../../scripts/setup/node-version.mjs';
import { ensureTestTools, findBrowser, findRedis } from '../../scripts/setup/test-tools.mjs';
import { adviceFor, planInstall } from '../../scripts/setup/vulkan-driver.mjs';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A checkout in small: the real scripts and compiler, one source file, and a Dawn that behaves as `dawn` says. */
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'facegrad-setup-'));
  cpSync(join(repository, 'scripts'), join(root, 'scripts'), { recursive: true });
  write(
    'package.json',
    JSON.stringify({
      name: 'small',
      type: 'module',
      bin: { small: 'dist/one.js' },
      scripts: { build: 'tsc -p tsconfig.build.json' },
    }),
  );
  write('tsconfig.build.json', readFileSync(join(repository, 'tsconfig.build.json'), 'utf8'));
  write(
    'tsconfig.json',
    readFileSync(join(repository, 'tsconfig.json'), 'utf8').replace(/"types": .*/, '"types": [],'),
  );
  write('src/one.ts', 'export const one = 1;\n');
  const packages = { 'node_modules/webgpu': { version: '1.0.0', integrity: 'sha512-a' } };
  write('package-lock.json', JSON.stringify({ packages: { '': { name: 'small' }, ...packages } }));
  write('node_modules/.package-lock.json', JSON.stringify({ packages }));
  write('node_modules/webgpu/package.json', JSON.stringify({ name: 'webgpu', type: 'module', exports: './index.js' }));
  dawn('found');
  symlinkSync(join(repository, 'node_modules', 'typescript'), join(root, 'node_modules', 'typescript'), 'dir');
  symlinkSync(join(repository, 'node_modules', '.bin'), join(root, 'node_modules', '.bin'), 'dir');
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function dawn(behaviour: 'found' | 'none' | 'crash' | 'hang' | 'unloadable'): void {
  const create = (body: string) => `export const create = () => ({ requestAdapter: async () => { ${body} } });\n`;
  const modules = {
    found: create(
      `return { info: { description: 'made-up adapter' }, requestDevice: async () => ({ destroy() {} }) };`,
    ),
    none: create(`console.error('a driver was refused'); return null;`),
    crash: create(`process.abort();`),
    hang: create(`for (;;);`),
    unloadable: `throw new Error('GLIBC_2.34 not found');\n`,
  };
  write('node_modules/webgpu/index.js', modules[behaviour]);
}

function setup(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const child = spawnSync(process.execPath, [join(root, 'scripts', 'setup.mjs'), ...args], {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { ...process.env, npm_lifecycle_event: undefined, CI: undefined, ...env },
  });
  return { code: child.status, stdout: child.stdout, stderr: child.stderr };
}

describe('node scripts/setup.mjs', () => {
  test('builds once, then has nothing to do and says nothing before an npm script', () => {
    const first = setup();
    expect(first.stderr).toContain('npm run build (dist/ is missing)');
    expect(first.stderr).toMatch(/ready: Node [\d.]+, WebGPU on made-up adapter\n$/);
    expect(first.stdout).toBe('');
    expect(first.code).toBe(0);
    expect(existsSync(join(root, 'dist', 'one.js'))).toBe(true);

    expect(setup([], { npm_lifecycle_event: 'pretest' })).toEqual({ code: 0, stdout: '', stderr: '' });
    const inCi = setup([], { npm_lifecycle_event: 'pretest', CI: 'true' });
    expect(inCi.stderr).toMatch(/^setup: ready: .*\n$/);
    expect(setup(['--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('the command can be run as a program', () => {
    setup();
    const { mode } = statSync(join(root, 'dist', 'one.js'));
    expect(process.platform === 'win32' || (mode & 0o111) === 0o111).toBe(true);
  });

  test('builds again after an edit, and after an output was lost', () => {
    setup();
    write('src/one.ts', 'export const one = 11;\n');
    const edited = setup([], { npm_lifecycle_event: 'pretest' });
    expect(edited.stderr).toMatch(/^setup: npm run build \(the sources changed\)\nsetup: ready: .*\n$/);
    expect(readFileSync(join(root, 'dist', 'one.js'), 'utf8')).toContain('11');

    rmSync(join(root, 'dist', 'one.js'));
    expect(setup().stderr).toContain('one.js is missing');
    expect(readFileSync(join(root, 'dist', 'one.js'), 'utf8')).toContain('11');
  });

  test('notices the page, what goes into it, and its loss', () => {
    // Stands in for Vite, which the small checkout has no page for.
    write('build.mjs', `import { cpSync } from 'node:fs';\ncpSync('web', 'dist/web', { recursive: true });\n`);
    const scripts = { build: 'tsc -p tsconfig.build.json && node build.mjs' };
    write('package.json', JSON.stringify({ name: 'small', type: 'module', scripts }));
    write('web/index.html', '<p>one</p>');
    write('web/assets/page.js', '');
    write('shaders/one.wgsl', '// one');
    expect(setup().code).toBe(0);
    expect(setup([], { npm_lifecycle_event: 'pretest' }).stderr).toBe('');
    for (const file of ['web/index.html', 'shaders/one.wgsl']) {
      write(file, 'another');
      expect(setup([], { npm_lifecycle_event: 'pretest' }).stderr).toContain('npm run build (the sources changed)');
    }
    expect(readFileSync(join(root, 'dist/web/index.html'), 'utf8')).toBe('another');
    rmSync(join(root, 'dist/web/index.html'));
    expect(setup().stderr).toContain('index.html is missing');
  });

  test('leaves no output of a deleted source, nor its folder', () => {
    write('src/room/two.ts', 'export const two = 2;\n');
    setup();
    expect(readdirSync(join(root, 'dist', 'room')).sort()).toEqual(['two.d.ts', 'two.js', 'two.js.map']);
    rmSync(join(root, 'src', 'room'), { recursive: true });
    expect(setup().code).toBe(0);
    expect(existsSync(join(root, 'dist', 'room'))).toBe(false);
    expect(existsSync(join(root, 'dist', 'one.js'))).toBe(true);
  });

  test('a source that does not compile fails each time until it is mended, also when quiet', () => {
    write('src/one.ts', 'export const one: number = "1";\n');
    for (const args of [[], ['--quiet']]) {
      const { code, stdout, stderr } = setup(args);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/src\/one\.ts.*TS2322/);
      expect(stderr).toContain('npm run --silent build ended with');
    }
    write('src/one.ts', 'export const one = 1;\n');
    expect(setup().code).toBe(0);
  });

  test('without an adapter and without leave to install: the reason, the advice, exit code 1', () => {
    dawn('none');
    const { code, stderr } = setup(['--no-install'], { VK_DRIVER_FILES: '/nonexistent' });
    expect(code).toBe(1);
    expect(stderr).toContain('Dawn finds no WebGPU adapter');
    expect(stderr).toContain('a driver was refused');
    expect(stderr).toContain('VK_DRIVER_FILES=/nonexistent');
  });

  test('an unknown option is refused with the list of options', () => {
    const { code, stderr } = setup(['--no-instal']);
    expect(code).toBe(2);
    expect(stderr).toContain('unknown option --no-instal');
    expect(stderr).toContain('--no-install  never use apt');
  });
});

describe('probeAdapter', () => {
  test('tells an adapter, none, a library that does not load, a crash and a hang apart', () => {
    expect(probeAdapter(root)).toEqual({ state: 'found', adapter: 'made-up adapter' });
    dawn('none');
    expect(probeAdapter(root)).toMatchObject({ state: 'none', log: 'a driver was refused' });
    dawn('unloadable');
    expect(probeAdapter(root)).toMatchObject({ state: 'broken', why: 'Dawn does not load: GLIBC_2.34 not found' });
    dawn('crash');
    expect(probeAdapter(root)).toMatchObject({
      state: 'broken',
      why: expect.stringMatching(/died of|ended with/) as string,
    });
    dawn('hang');
    expect(probeAdapter(root, 500)).toMatchObject({
      state: 'broken',
      why: 'asking Dawn for an adapter took over 0.5 s',
    });
  });

  test('finds the adapter that these tests run on', () => {
    expect(probeAdapter(repository).state).toBe('found');
  });
});

describe('checkNodeVersion', () => {
  test('20 and newer run facegrad; vite and eslint ask for more', () => {
    expect(checkNodeVersion('18.20.4').fault).toContain('needs Node 20 or newer (20.19');
    expect(checkNodeVersion('20.11.1')).toEqual({ warning: expect.stringContaining('20.19') as string });
    expect(checkNodeVersion('23.1.0')).toEqual({ warning: expect.stringContaining('20.19') as string });
    for (const version of ['20.19.0', '22.13.0', '24.0.0']) expect(checkNodeVersion(version)).toEqual({});
  });
});

describe('dependencyProblem', () => {
  const linux = { platform: 'linux', arch: 'x64' };
  const lock = (file: string, packages: object) => {
    write(file, JSON.stringify({ packages }));
  };

  test('none where node_modules is what the lock file asks for, whatever the times', () => {
    expect(dependencyProblem(root, linux)).toBeNull();
  });

  test('a missing, an unfinished and a damaged install', () => {
    rmSync(join(root, 'node_modules', 'webgpu'), { recursive: true });
    expect(dependencyProblem(root, linux)).toBe('webgpu is no longer there');
    write('node_modules/.package-lock.json', '{"packages": {');
    expect(dependencyProblem(root, linux)).toBe('the last install did not finish');
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect(dependencyProblem(root, linux)).toBe('node_modules is missing');
  });

  test('another version, another content of the same version, a new package', () => {
    lock('package-lock.json', { 'node_modules/webgpu': { version: '1.0.1', integrity: 'sha512-b' } });
    expect(dependencyProblem(root, linux)).toBe('webgpu 1.0.1 replaces 1.0.0');
    lock('package-lock.json', { 'node_modules/webgpu': { version: '1.0.0', integrity: 'sha512-b' } });
    expect(dependencyProblem(root, linux)).not.toBeNull();
    lock('package-lock.json', { 'node_modules/a/node_modules/@b/c': { version: '1.0.0' } });
    expect(dependencyProblem(root, linux)).toBe('@b/c is not installed');
  });

  test('an optional package is missed only where it is the native build for this host', () => {
    const native = { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] };
    lock('package-lock.json', { 'node_modules/@esbuild/linux-x64': native });
    expect(dependencyProblem(root, linux)).toBe('@esbuild/linux-x64 is not installed');
    expect(dependencyProblem(root, { platform: 'darwin', arch: 'arm64' })).toBeNull();
    lock('package-lock.json', { 'node_modules/musl': { ...native, libc: ['musl'] } });
    expect(dependencyProblem(root, linux)).toBeNull();
  });

  test('a lock file that cannot be read is the fault of the checkout', () => {
    write('package-lock.json', '<<<<<<< HEAD');
    expect(() => dependencyProblem(root, linux)).toThrow('restore it from git');
  });
});

const bookwormStanzas = `# the image's own
Types: deb deb-src
# a comment inside a stanza does not end it
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe('parseAptSources', () => {
  test('deb822: several suites, comments, disabled and source-only stanzas, inline keys', () => {
    const text = `${bookwormStanzas}
Types: deb
URIs: https://off.example
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: https://source.example
Suites: bookworm
Components: main

Types: deb
URIs: https://key.example
Suites: stable
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINB
 -----END PGP PUBLIC KEY BLOCK-----
`;
    const sources = parseAptSources('/etc/apt/sources.list.d/debian.sources', text);
    expect(sources.map(s => s.uris[0])).toEqual([
      'http://mirror.example/debian',
      'http://mirror.example/debian-security',
      'https://key.example',
    ]);
    expect(sources[0]).toEqual({
      uris: ['http://mirror.example/debian'],
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main', 'contrib'],
      options: { 'Signed-By': '/usr/share/keyrings/debian-archive-keyring.gpg' },
    });
    expect(sources[2]?.options['Signed-By']).toMatch(/^\n -----BEGIN.*\n \.\n mQINB\n -----END.*$/);
  });

  test('one-line: options in brackets, comments, source entries', () => {
    const text = `# deb http://off.example/debian bookworm main
deb [arch=amd64 signed-by=/a.gpg,/b.gpg check-valid-until=no] http://mirror.example/debian bookworm main contrib # why
deb-src http://mirror.example/debian bookworm main
  deb http://mirror.example/debian bookworm-updates main
`;
    expect(parseAptSources('/etc/apt/sources.list', text)).toEqual([
      {
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        options: { 'Signed-By': '/a.gpg /b.gpg', 'Check-Valid-Until': 'no' },
      },
      { uris: ['http://mirror.example/debian'], suites: ['bookworm-updates'], components: ['main'], options: {} },
    ]);
  });

  test('a file that apt would ignore is ignored', () => {
    expect(parseAptSources('/etc/apt/sources.list.d/debian.sources.save', bookwormStanzas)).toEqual([]);
  });
});

describe('debianMirror', () => {
  const list = (text: string) => parseAptSources('/etc/apt/sources.list', text);
  const releases = ['bookworm', 'stable', 'oldstable'];

  test("is not another vendor's archive for the same release", () => {
    const sources = list(`deb http://archive.raspberrypi.example/debian bookworm main
deb cdrom:[Debian 12]/ bookworm main
deb https://download.docker.example/linux/debian bookworm stable
deb http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
`);
    expect(debianMirror(sources, releases)?.uris).toEqual(['http://mirror.example/debian']);
  });

  test('is found by its name where updates are off, and by an alias of the release', () => {
    expect(debianMirror(list('deb http://ftp.de.debian.org/debian bookworm main'), releases)?.uris).toHaveLength(1);
    const alias = list(
      'deb http://mirror.example/debian oldstable main\ndeb http://mirror.example/debian oldstable-updates main',
    );
    expect(debianMirror(alias, releases)?.uris).toEqual(['http://mirror.example/debian']);
    expect(debianMirror(list('deb http://mirror.example/debian trixie main'), releases)).toBeUndefined();
  });

  test('a suite counts as configured only with main', () => {
    expect(hasSuite(list('deb http://mirror.example/debian bookworm-backports non-free'), 'bookworm-backports')).toBe(
      false,
    );
    expect(hasSuite(list('deb http://mirror.example/debian bookworm-backports main'), 'bookworm-backports')).toBe(true);
  });
});

const debian12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n';
const debian13 = 'VERSION_CODENAME=trixie\nID=debian\n';
const mint = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\n';
const fedora = 'ID=fedora\nVERSION_ID=42\n';
const bookworm = parseAptSources('debian.sources', bookwormStanzas);

function host(osRelease: string, change: Partial<Parameters<typeof planInstall>[0]> = {}) {
  return { platform: 'linux', osRelease, apt: bookworm, root: true, sudo: false, ...change };
}

describe('planInstall', () => {
  const commands = (h: ReturnType<typeof host>) => planInstall(h)?.steps.map(s => s.command.join(' '));

  test('Debian 12: from backports, on the mirror and with the key that apt has', () => {
    const plan = planInstall(host(debian12));
    expect(plan?.may).toBe(true);
    expect(plan?.steps[0]).toMatchObject({
      command: ['tee', '/etc/apt/sources.list.d/facegrad-bookworm-backports.sources'],
      input: `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`,
    });
    expect(commands(host(debian12))?.slice(1)).toEqual([
      'env DEBIAN_FRONTEND=noninteractive apt-get -q update',
      'env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers libvulkan1',
    ]);
  });

  test('Debian 12 with backports configured, or with no sources at all', () => {
    const backports = parseAptSources('b.list', 'deb http://mirror.example/debian bookworm-backports main');
    expect(commands(host(debian12, { apt: [...bookworm, ...backports] }))).toHaveLength(2);
    expect(planInstall(host(debian12, { apt: [] }))?.steps[0]?.input).toContain('URIs: http://deb.debian.org/debian\n');
  });

  test.each([
    ['Debian 13', debian13],
    ['a child of Ubuntu', mint],
  ])('%s: from its own suites', (_, osRelease) => {
    const [update, install, ...more] = commands(host(osRelease)) ?? [];
    expect(update).toMatch(/update$/);
    expect(install).toMatch(/install -y --no-install-recommends mesa-vulkan-drivers libvulkan1$/);
    expect(more).toEqual([]);
  });

  test('with sudo each command goes through it; without either nothing may run', () => {
    const withSudo = planInstall(host(debian12, { root: false, sudo: true }));
    expect(withSudo?.may).toBe(true);
    expect(withSudo?.steps.map(s => s.command.slice(0, 3).join(' '))).toEqual([
      'sudo -n tee',
      'sudo -n env',
      'sudo -n env',
    ]);
    expect(planInstall(host(debian12, { root: false }))?.may).toBe(false);
  });

  test('no plan elsewhere, but advice', () => {
    expect(planInstall(host(fedora, { apt: null }))).toBeNull();
    expect(planInstall(host('', { platform: 'darwin', apt: null }))).toBeNull();
    expect(adviceFor(host(fedora, { apt: null }), null)).toContain('dnf install mesa-vulkan-drivers');
    expect(adviceFor(host('', { platform: 'darwin', apt: null }), null)).toContain('Metal');
    expect(adviceFor(host('', { platform: 'win32', apt: null }), null)).toContain('Direct3D 12');
  });

  test('the advice is what root would type', () => {
    const user = host(debian12, { root: false });
    const advice = adviceFor(user, planInstall(user));
    expect(advice).not.toContain('sudo');
    expect(advice).toContain('Suites: bookworm-backports\n');
    expect(advice).toContain("' > /etc/apt/sources.list.d/facegrad-bookworm-backports.sources");
    expect(advice).toContain('-t bookworm-backports mesa-vulkan-drivers libvulkan1');
  });
});

describe('ensureAdapter', () => {
  type Tools = Parameters<typeof ensureAdapter>[0];

  /** Tools that find an adapter once `run` has seen a command that matches `cure`. */
  function tools(cure: RegExp, change: Partial<Tools> = {}): Tools & { ran: string[] } {
    const ran: string[] = [];
    return {
      ran,
      probe: () =>
        ran.some(c => cure.test(c))
          ? { state: 'found', adapter: 'llvmpipe' }
          : { state: 'none', why: 'Dawn finds no WebGPU adapter', log: '' },
      describeHost: () => host(debian12),
      run: command => {
        ran.push(command.join(' '));
        return 0;
      },
      say: () => undefined,
      env: {},
      install: true,
      ...change,
    };
  }

  test('runs nothing where there is an adapter', () => {
    const t = tools(/./, { probe: () => ({ state: 'found', adapter: 'a GPU' }) });
    expect(ensureAdapter(t)).toBe('a GPU');
    expect(t.ran).toEqual([]);
  });

  test('installs the driver, then asks again, saying each step', () => {
    const said: string[] = [];
    const t = tools(/install/, { say: message => said.push(message) });
    expect(ensureAdapter(t)).toBe('llvmpipe');
    expect(t.ran).toHaveLength(3);
    expect(said.join('\n')).toMatch(
      /add Debian's bookworm-backports.*\n.*package lists\n.*install mesa-vulkan-drivers/,
    );
  });

  test('an install that does not help is not advised again', () => {
    const t = tools(/never/, { env: { VK_ICD_FILENAMES: '/gone.json' } });
    expect(() => ensureAdapter(t)).toThrow(/although Mesa's .* is installed now\.\nVK_ICD_FILENAMES=\/gone\.json/);
    expect(() => ensureAdapter(t)).not.toThrow(/As root/);
  });

  test('goes on when some package list cannot be fetched, stops when the install fails', () => {
    const ran: string[] = [];
    const failing = (pattern: RegExp) => ({
      run: (command: string[]) => {
        ran.push(command.join(' '));
        return pattern.test(command.join(' ')) ? 100 : 0;
      },
    });
    expect(() => ensureAdapter(tools(/never/, failing(/update$/)))).toThrow('finds no WebGPU adapter');
    expect(ran.at(-1)).toContain('install');
    expect(() => ensureAdapter(tools(/never/, failing(/install/)))).toThrow('ended with 100');
  });

  test('touches nothing when told not to, without rights, or when Dawn itself is broken', () => {
    const forbidden = tools(/./, { install: false });
    const powerless = tools(/./, { describeHost: () => host(debian12, { root: false }) });
    const broken = tools(/./, { probe: () => ({ state: 'broken', why: 'Dawn does not load: no build', log: '' }) });
    for (const t of [forbidden, powerless, broken]) {
      expect(() => ensureAdapter(t)).toThrow(/Dawn/);
      expect(t.ran).toEqual([]);
    }
  });
});

describe('ensureTestTools', () => {
  const ubuntu = 'ID=ubuntu\nVERSION_ID="24.04"\n';

  /** A machine without any of the tools, what was run on it and said about it. */
  function tools(change: Partial<Parameters<typeof ensureTestTools>[0]> = {}) {
    const [ran, said]: [string[], string[]] = [[], []];
    const given = {
      describeHost: () => host(debian12),
      run: (command: string[]) => ran.push(command.join(' ')) * 0,
      say: (text: string) => said.push(text),
      env: { PATH: join(root, 'nothing') },
      install: true,
      ...change,
    };
    return { given, ran, said };
  }

  test('installs what is missing, at once', () => {
    const { given, ran } = tools();
    ensureTestTools(given);
    expect(ran).toHaveLength(2);
    expect(ran[1]).toMatch(/ install .* chromium redis-server openssl$/);
  });

  test('takes what is there, on the path or by its variable', () => {
    write('tools/openssl', '#!/bin/sh\n');
    chmodSync(join(root, 'tools', 'openssl'), 0o755);
    const env = { PATH: join(root, 'tools'), CHROMIUM: '/somewhere/chromium' };
    const { given, ran } = tools({ env });
    ensureTestTools(given);
    expect(ran[1]).toMatch(/ install .* redis-server$/);
    expect(findBrowser(env)).toBe('/somewhere/chromium');
    expect(findRedis(env)).toBeUndefined();
    expect(findRedis({ ...env, REDIS_SERVER: '/somewhere/redis' })).toBe('/somewhere/redis');
  });

  test('installs no snap, and says which tests are skipped', () => {
    const { given, ran, said } = tools({ describeHost: () => host(ubuntu) });
    ensureTestTools(given);
    expect(ran[1]).toMatch(/ install .*recommends redis-server openssl$/);
    expect(said[0]).toContain('no Chromium or Chrome is on the path (or in CHROMIUM): tests of pages are skipped');
    const forbidden = tools({ install: false });
    ensureTestTools(forbidden.given);
    expect(forbidden.ran).toEqual([]);
    expect(forbidden.said).toHaveLength(3);
  });

  test('fails where apt does', () => {
    const { given } = tools({ run: command => (command.includes('install') ? 100 : 0) });
    expect(() => {
      ensureTestTools(given);
    }).toThrow('ended with 100');
  });
});
