import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { modelRegistry } from '../../src/nn/index.js';
import { recipeNames } from '../../src/train/recipes/index.js';
import { facegrad } from './facegrad.js';

const program = createProgram(() => undefined);
const models = Object.keys(modelRegistry);
const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'facegrad-completion-'));
  mkdirSync(join(folder, 'a run'));
  writeFileSync(join(folder, 'a file.csv'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await facegrad(['completion', shell]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    writeFileSync(join(folder, `facegrad.${shell}`), stdout);
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What a shell offers for the last of `words`, which may be empty. */
type Complete = (...words: string[]) => string[];

function run(shell: string, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(shell, args, { cwd: folder, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.split('\n').filter(Boolean);
}

const bash: Complete = (...words) => {
  // The shell itself makes three words of --option=value before it asks.
  const split = words.flatMap(word => (word.startsWith('--') ? word.split(/(=)/).filter(Boolean) : [word]));
  const script =
    'source ./facegrad.bash; COMP_WORDS=(facegrad "$@"); COMP_CWORD=$#; _facegrad; ' +
    'printf "%s\\n" "${COMPREPLY[@]}"; complete -p facegrad >/dev/null';
  return run('bash', ['--norc', '-c', script, 'bash', ...split]);
};

const fish: Complete = (...words) => {
  const line = ['facegrad', ...words].join(' ');
  return run('fish', ['--no-config', '-c', 'source facegrad.fish; complete -C $argv[1]', line]).map(one => {
    return one.split('\t')[0]!;
  });
};

it.each(['bash', 'zsh', 'fish'])('the script for %s has every command and option', shell => {
  const text = readFileSync(join(folder, `facegrad.${shell}`), 'utf8');
  const visit = (command: Command) => {
    for (const { long } of command.createHelp().visibleOptions(command)) {
      // fish writes -l name.
      expect(text).toContain(shell === 'fish' ? `-l ${long!.slice(2)}` : long);
    }
    for (const child of command.commands) {
      expect(text).toContain(child.name());
      visit(child);
    }
  };
  visit(program);
});

// In those shells that this machine has; no test is registered for others, since none may be skipped.
const shells = [
  ['bash', bash],
  ['fish', fish],
] as const;
describe.each(shells.filter(([shell]) => has(shell)))('%s', (_, complete) => {
  it('completes the commands of each level', () => {
    expect(complete('')).toEqual(expect.arrayContaining(program.commands.map(command => command.name())));
    expect(complete('tr')).toEqual(['train', 'transfer']);
    const data = program.commands.find(command => command.name() === 'data')!;
    expect(complete('data', '')).toEqual(expect.arrayContaining(data.commands.map(command => command.name())));
    expect(complete('data', '')).not.toContain('train');
  });

  it('completes names of networks and recipes', async () => {
    expect(complete('train', 'mini')).toEqual(models.filter(name => name.startsWith('mini')));
    expect(complete('eval', '--model', 'shuffle')).toEqual(models.filter(name => name.startsWith('shuffle')));
    const recipes = (await recipeNames()).filter(name => name.startsWith('system-b/'));
    expect(complete('train', '--recipe', 'system-b/').sort()).toEqual(recipes.sort());
    expect(complete('completion', 'z')).toEqual(['zsh']);
  });

  it('completes the choices of an option, also after an equals sign', () => {
    expect(complete('eval', '--split', '').sort()).toEqual(['test', 'train', 'val']);
    const equals = complete('eval', '--split=v');
    expect(equals.map(one => one.replace('--split=', ''))).toEqual(['val']);
  });

  it('goes on behind values, which may be called like commands', () => {
    expect(complete('runs', '--root', 'compare', 'sh')).toContain('show');
    expect(complete('train', '--out', 'data', 'simple-c')).toEqual(['simple-cnn']);
  });

  it('completes paths where an option takes them', () => {
    expect(complete('train', '--data', 'a').join()).toMatch(/a run.*|a file/);
    expect(complete('train', '--out', 'a').join()).not.toContain('csv');
  });
});

if (has('bash')) {
  it('bash offers every option of every command, and what it may be', () => {
    const help = program.createHelp();
    const lines: string[] = [];
    const expected: string[][] = [];
    const ask = (words: string[], offered: readonly string[]) => {
      lines.push(['facegrad', ...words].join(' '));
      expected.push([...offered].sort());
    };
    const visit = (command: Command, path: string[]) => {
      const options = help.visibleOptions(command);
      ask(
        [...path, '-'],
        options.flatMap(({ short, long }) => [short, long]).filter(flag => flag !== undefined),
      );
      for (const { long, argChoices } of options) {
        if (long !== undefined && argChoices) ask([...path, long, ''], argChoices);
      }
      for (const child of command.commands) visit(child, [...path, child.name()]);
    };
    visit(program, []);
    writeFileSync(join(folder, 'lines'), `${lines.join('\n')}\n`);
    const script =
      'source ./facegrad.bash; while IFS= read -r line; do COMP_WORDS=($line); case $line in *" ") COMP_WORDS+=("");; esac; ' +
      'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _facegrad; echo "${COMPREPLY[*]}"; done < lines';
    const { stdout } = spawnSync('bash', ['--norc', '-c', script], { cwd: folder, encoding: 'utf8' });
    const offered = stdout
      .trimEnd()
      .split('\n')
      .map(line => line.split(' ').sort());
    expect(offered.length).toBeGreaterThan(60);
    expect(Object.fromEntries(lines.map((line, i) => [line, offered[i]]))).toEqual(
      Object.fromEntries(lines.map((line, i) => [line, expected[i]])),
    );
  });
}

if (has('zsh')) {
  describe('zsh', () => {
    it('takes the script, and each command has its function', () => {
      const script =
        'autoload -U compinit && compinit -u -D; source ./facegrad.zsh; print -r -- $_comps[facegrad]; ' +
        'print -rl -- ${(k)functions[(I)_facegrad*]}';
      const [registered, ...functions] = run('zsh', ['-f', '-c', script]);
      expect(registered).toBe('_facegrad');
      expect(functions).toEqual(
        expect.arrayContaining(['_facegrad_train', '_facegrad_data_info', '_facegrad_tune_kernels']),
      );
    });

    it('completes commands, names and choices', () => {
      // zsh completes only for somebody who types: a terminal of its own (zpty) is typed into.
      const script = `zmodload zsh/zpty; zpty -b z zsh -f
zpty -w z 'PS1=; stty columns 4000; autoload -U compinit && compinit -u -D; source ./facegrad.zsh; zstyle ":completion:*" list-grouped false'
zpty -w z "bindkey '^I' expand-or-complete; setopt noautolist; print READY"
for i in {1..300}; do zpty -r -t z got && all+=$got; [[ $all = *READY*READY* ]] && break; sleep 0.1; done
type() { all=; zpty -w -n z "$1"$'\\t'; for i in {1..60}; do sleep 0.05; while zpty -r -t z got; do all+=$got; done; [[ $all = *$2* ]] && break; done; print -r -- "\${all//[[:cntrl:]]/ }"; zpty -w -n z $'\\x15'; }
type 'facegrad doc' 'doctor'
type 'facegrad train --recipe system-b/res-emotion-cnn-' tuned
type 'facegrad eval --split te' test
type 'facegrad models shuffle' net
zpty -d z`;
      const { stdout } = spawnSync('zsh', ['-f', '-c', script], { cwd: folder, encoding: 'utf8' });
      expect(stdout).toContain('facegrad doctor');
      expect(stdout).toContain('--recipe system-b/res-emotion-cnn-tuned');
      expect(stdout).toContain('--split test');
      expect(stdout).toMatch(new RegExp(`models ${models.find(name => name.startsWith('shuffle'))!}`));
    });
  });
}
