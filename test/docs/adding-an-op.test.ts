import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));

interface Block {
  readonly language: string;
  /** What stands behind the language: a path, or the command whose output this is. */
  readonly about: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w+) ?(.*)\n([^]*?)^```$/gm)].map(([, language, about, text]) => ({
    language: language!,
    about: about!,
    text: text!,
  }));
}

/** Puts each line that begins with + behind the line that stands before it, which the file must have once. */
function insert(file: string, text: string, diff: string): string {
  const lines = text.split('\n');
  let at = -1;
  for (const line of diff.trimEnd().split('\n')) {
    const content = line.slice(1);
    if (line.startsWith('+')) {
      lines.splice(++at, 0, content);
      continue;
    }
    at = lines.indexOf(content, at + 1);
    if (at < 0) throw new Error(`the page names a line that ${file} does not have: ${content}`);
  }
  return lines.join('\n');
}

let copy: string;
let blocks: Block[];

/** Runs a tool of the project in the copy: its exit code and all that it printed. */
function run(tool: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const path = join(project, 'node_modules', '.bin', tool);
    const child = spawn(path, args, { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', code => {
      resolve({ code, output });
    });
  });
}

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'facegrad-docs-'));
  for (const name of ['src', 'shaders', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    await cp(join(project, name), join(copy, name), { recursive: true });
  }
  await symlink(join(project, 'node_modules'), join(copy, 'node_modules'));
  blocks = blocksOf(await readFile(join(project, 'docs', 'adding-an-op-and-a-model.md'), 'utf8'));
  for (const { language, about, text } of blocks) {
    const path = join(copy, about);
    if (language === 'diff') {
      await writeFile(path, insert(about, await readFile(path, 'utf8'), text));
    } else if (language === 'ts' || language === 'wgsl') {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
  }
});

afterAll(async () => {
  await rm(copy, { recursive: true, force: true });
});

describe('docs/adding-an-op-and-a-model.md', () => {
  it('adds files whose types are right', async () => {
    const include = blocks.map(({ about }) => about).filter(about => about.endsWith('.ts'));
    await writeFile(join(copy, 'tsconfig.page.json'), JSON.stringify({ extends: './tsconfig.json', include }));
    const { code, output } = await run('tsc', '-p', 'tsconfig.page.json');
    expect(output).toBe('');
    expect(code).toBe(0);
  });

  it('adds tests that pass', async () => {
    const tests = blocks.map(({ about }) => about).filter(about => about.endsWith('.test.ts'));
    expect(tests.length).toBe(2);
    const { code, output } = await run('vitest', 'run', ...tests);
    expect(code, output).toBe(0);
    expect(output).toMatch(/13 passed/);
  });

  it('shows what the command line prints', async () => {
    const shown = blocks.find(({ language }) => language === 'text')!;
    const [, ...args] = shown.about.split(' ');
    const { code, output } = await run('tsx', 'src/cli/main.ts', ...args);
    expect(output.replace(/^Warning: .*\n/gm, '')).toBe(shown.text);
    expect(code).toBe(0);
  });
});
