import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  foreignLibraries,
  isWanted,
  launcherFor,
  leastVersion,
  runtimePackages,
} from '../../scripts/bundle/contents.mjs';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

describe('what goes in', () => {
  const lock = {
    '': {},
    'node_modules/commander': {},
    'node_modules/table/node_modules/width': {},
    'node_modules/typescript': { dev: true },
    'node_modules/native-linux': { optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
    'node_modules/native-musl': { optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
    'node_modules/native-mac': { optional: true, os: ['darwin'], cpu: ['x64', 'arm64'] },
    'node_modules/native-arm': { optional: true, os: ['linux'], cpu: ['arm64'] },
    'node_modules/not-on-windows': { os: ['!win32'] },
    'node_modules/not-on-linux': { optional: true, os: ['!linux'] },
  };

  test('packages of production for x86-64 Linux', () => {
    expect(runtimePackages(lock, () => true)).toEqual([
      'node_modules/commander',
      'node_modules/table/node_modules/width',
      'node_modules/native-linux',
      'node_modules/not-on-windows',
    ]);
  });

  test('an optional package may be missing, another may not', () => {
    expect(runtimePackages(lock, path => !path.includes('native'))).not.toContain('node_modules/native-linux');
    expect(() => runtimePackages(lock, path => !path.includes('commander'))).toThrow('node_modules/commander');
  });

  test('one build of Dawn, and nothing that Node never loads', () => {
    const dawn = (platform: string) => `node_modules/webgpu/dist/${platform}/dawn.node`;
    expect(['linux-x64', 'linux-arm64', 'darwin-universal', 'win32-x64'].map(dawn).filter(isWanted)).toEqual([
      dawn('linux-x64'),
    ]);
    const loaded = [
      'dist/cli/main.js',
      'shaders/conv2d.wgsl',
      'recipes/system-a/mini-resnet.yaml',
      'node_modules/a/LICENSE',
      'node_modules/a/package.json',
      'node_modules/a/charts.js',
      'node_modules/a/map/index.mjs',
    ];
    expect([...loaded, 'dist/cli/main.js.map', 'dist/index.d.ts', 'node_modules/a/b.d.cts'].filter(isWanted)).toEqual(
      loaded,
    );
  });
});

describe('what binaries need', () => {
  test('the highest version counts, as numbers', () => {
    const tables = ['\0GLIBC_2.4\0GLIBC_2.34\0GLIBCXX_3.4.9\0', '\0GLIBC_2.9\0GLIBCXX_3.4.30\0GLIBC_PRIVATE\0'];
    const binaries = tables.map(table => Buffer.from(table, 'latin1'));
    expect(leastVersion('GLIBC', binaries)).toBe('2.34');
    expect(leastVersion('GLIBCXX', binaries)).toBe('3.4.30');
    expect(leastVersion('GLIBC', [Buffer.from('no table')])).toBeUndefined();
  });

  test('libraries of the system and of the bundle are no strangers', () => {
    const ldd = `\tlinux-vdso.so.1 (0x00007f5e4d462000)
\tlibnode.so.108 => /lib/x86_64-linux-gnu/libnode.so.108 (0x00007f5e4be00000)
\tlibvips.so.8 => /tmp/b/app/libvips.so.8 (0x00007f5e4be00000)
\tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f5e4be00000)
\tlibgone.so.1 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5e4c01e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f5e4d464000)
`;
    expect(foreignLibraries(ldd, '/tmp/b')).toEqual(['libnode.so.108', 'libgone.so.1']);
  });
});

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the launcher', () => {
  let root: string;
  let launcher: string;
  const template = readFileSync(join(repository, 'scripts', 'bundle', 'launcher.sh'), 'utf8');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'facegrad bundle-'));
    launcher = join(root, 'facegrad');
    write('facegrad', launcherFor(template, { glibc: '2.17', glibcxx: '3.4.21' }));
    write('bin/node', `#!/bin/sh\nprintf '[%s]\\n' "$LD_LIBRARY_PATH" "$VK_DRIVER_FILES" "$@"\nexit 7\n`);
    // Something that the dynamic linker can load here.
    symlink(process.execPath, 'app/node_modules/webgpu/dist/linux-x64/dawn.node');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function write(path: string, text: string) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), 0o755);
  }

  function symlink(target: string, path: string) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  }

  function start(path: string, args: string[], env: NodeJS.ProcessEnv) {
    const { status, stdout, stderr } = spawnSync(path, args, { cwd: '/', env, encoding: 'utf8' });
    return { status, lines: stdout.trimEnd().split('\n'), stderr };
  }

  test('passes arguments and the exit code, from a folder with a space and in an empty environment', () => {
    const { status, lines, stderr } = start(launcher, ['train', 'a b', `it's "$HOME"`, ''], {});
    expect(stderr).toBe('');
    expect(lines).toEqual([
      `[${root}/lib]`,
      '[]',
      `[${root}/app/dist/cli/main.js]`,
      '[train]',
      '[a b]',
      `[it's "$HOME"]`,
      '[]',
    ]);
    expect(status).toBe(7);
  });

  test("finds itself through a link, and leaves the user's libraries and drivers first", () => {
    symlink(launcher, 'elsewhere/run');
    const env = { LD_LIBRARY_PATH: '/opt/mine', VK_DRIVER_FILES: '/opt/icd.json' };
    const { lines } = start(join(root, 'elsewhere', 'run'), [], env);
    expect(lines.slice(0, 2)).toEqual([`[/opt/mine:${root}/lib]`, '[/opt/icd.json]']);
  });

  test.each([
    ['GLIBC_2.34', 'GLIBC_2.94'],
    ['libstdc++.so.6', 'libstdc++.so.7'],
  ])('says what is missing: in place of %s, %s', (present, missing) => {
    const dawn = 'app/node_modules/webgpu/dist/linux-x64/dawn.node';
    const real = readFileSync(join(repository, 'node_modules/webgpu/dist/linux-x64/dawn.node'));
    const at = real.indexOf(`\0${present}\0`);
    expect(at).toBeGreaterThan(0);
    real.write(missing, at + 1, 'latin1');
    rmSync(join(root, dawn));
    writeFileSync(join(root, dawn), real);
    const { status, lines, stderr } = start(launcher, ['doctor'], {});
    expect(stderr).toMatch(/^facegrad: .*GLIBC_2\.17 and GLIBCXX_3\.4\.21/);
    expect(stderr).toContain(missing);
    expect(status).toBe(1);
    expect(lines).toEqual(['']);
  });
});
