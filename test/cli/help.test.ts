import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';

const program = createProgram(() => undefined);

/** Every command below one, by its name in full. */
function below(command: Command, above: string): [string, Command][] {
  return command.commands.flatMap(child => {
    const path = `${above} ${child.name()}`;
    return [[path, child] as [string, Command], ...below(child, path)];
  });
}

const commands = below(program, 'facegrad');

/** The lines of its examples. */
function examplesOf(text: string): string | undefined {
  return /^Examples:\n((?: {2}.*(?:\n|$))+)/m.exec(text)?.[1];
}

/** What `--help` prints where nobody watches. */
function helpOf(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({ writeOut: part => (text += part), getOutHelpWidth: () => 80 });
  command.outputHelp();
  command.configureOutput(before);
  return text;
}

describe('--help', () => {
  it('of the program shows exit codes, the environment and examples', () => {
    const text = helpOf(program);
    expect(text).toMatch(/^Exit codes: 0 .*; 1 [^;]*; 2 [^;]*; 3 [^;]*; 130 .*,\s143 /ms);
    expect(text).toContain('NO_COLOR');
    expect(text).toMatch(/^Examples:$/m);
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(80);
  });

  it.each(commands)('of %s has examples of it, in lines of 80 columns', (path, command) => {
    const text = helpOf(command);
    const examples = examplesOf(text);
    expect(examples, 'an Examples block').toBeDefined();
    expect(examples).toContain(path);
    expect(text.split('\n').filter(line => line.length > 80)).toEqual([]);
  });

  it.each(commands)('of %s gives only options in its examples that there are', (_path, command) => {
    const examples = examplesOf(helpOf(command))!;
    for (const example of examples.replaceAll('\\\n', ' ').trimEnd().split('\n')) {
      const words = example
        .replace(/#.*/, '')
        .trim()
        .split(/[\s()<>]+/);
      let current = program;
      for (const word of words.slice(words.indexOf('facegrad') + 1)) {
        const child = current.commands.find(one => one.name() === word);
        if (child) current = child;
        const flag = /^--[\w-]+/.exec(word)?.[0];
        if (flag !== undefined)
          expect(
            current.options.map(({ long }) => long),
            example,
          ).toContain(flag);
      }
    }
  });
});
