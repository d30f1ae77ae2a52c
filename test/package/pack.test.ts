import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let installed: string;
let files: string[];

/** Packs the project and puts the pack where npm would, beside links to the dependencies that it declares and no others. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'facegrad-pack-'));
  installed = join(folder, 'node_modules', 'facegrad');
  const packed = spawnSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: project,
    encoding: 'utf8',
  });
  expect(packed.status, packed.stderr).toBe(0);
  const [pack] = JSON.parse(packed.stdout) as { filename: string; files: { path: string }[] }[];
  files = pack!.files.map(({ path }) => path).sort();
  mkdirSync(installed, { recursive: true });
  const unpacked = spawnSync('tar', ['-xzf', join(folder, pack!.filename), '-C', installed, '--strip-components=1']);
  expect(unpacked.status).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(project, 'node_modules', name), link, 'junction');
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Files below a folder of the project, as `folder/…`. */
function below(name: string): string[] {
  return readdirSync(join(project, name), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(project.length).replaceAll('\\', '/'));
}

describe('npm pack', () => {
  it('holds the compiled sources with their types, the page, shaders, recipes and documents', () => {
    const compiled = below('src').filter(path => path.endsWith('.ts') && !path.endsWith('.d.ts'));
    expect(compiled.length).toBeGreaterThan(200);
    const expected = [
      ...['LICENSE', 'README.md', 'package.json'],
      ...compiled.flatMap(path => ['.js', '.d.ts'].map(end => path.replace(/^src/, 'dist').replace(/\.ts$/, end))),
      ...below('shaders'),
      ...below('dist/web'),
      ...below('recipes'),
      ...below('docs').filter(path => !path.startsWith('docs/api/')),
    ];
    expect(expected.filter(path => !files.includes(path))).toEqual([]);
    expect(expected).toContain('dist/web/index.html');
  });

  it('holds nothing else: no tests, no maps, no state of tools', () => {
    const known =
      /^(LICENSE|README\.md|package\.json|(shaders|recipes|cascades)\/.*|docs\/(?!api\/).*|dist\/web\/.*|dist\/.*\.(js|d\.ts))$/;
    expect(files.filter(path => !known.test(path))).toEqual([]);
    // A file of which the source is gone would be packed by mistake.
    const stale = files.filter(path => {
      const source = /^dist\/(?!web\/)(.*?)(\.d)?\.(js|ts)$/.exec(path)?.[1];
      return source !== undefined && !existsSync(join(project, 'src', `${source}.ts`));
    });
    expect(stale).toEqual([]);
  });
});

describe('the package in an empty folder', () => {
  it('trains ten steps by the script of the README', () => {
    const readme = readFileSync(join(project, 'README.md'), 'utf8');
    const script = /^```js\n(import [^]*?from 'facegrad';[^]*?)^```$/m.exec(readme)?.[1] ?? '';
    expect(script.split('\n').filter(Boolean).length).toBeLessThanOrEqual(20);
    writeFileSync(join(folder, 'train.mjs'), script);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['train.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const losses = stdout
      .trimEnd()
      .split('\n')
      .map(line => Number(line.split(' ').at(-1)));
    expect(losses).toHaveLength(10);
    // Ten steps of 64 images: from the loss of a guess among seven classes to less.
    expect(losses[0]).toBeCloseTo(Math.log(7), 0);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
    expect(mean(losses.slice(7))).toBeLessThan(mean(losses.slice(0, 3)) - 0.005);
  });

  it('brings its command', () => {
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { bin: { facegrad: string } };
    const { status, stdout } = spawnSync(process.execPath, [join(installed, bin.facegrad), 'recipes', '--json'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThan(5);
  });
});
