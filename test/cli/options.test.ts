import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { newOptions } from '../../src/train/new-options.js';
import { parseAdapterList } from '../../src/gpu/node.js';
import { integer, number, oneOf, perChannel } from '../../src/cli/options.js';
import { suggestion } from '../../src/cli/suggest.js';
import { UserError } from '../../src/util/errors.js';

describe('option values', () => {
  it.each([
    [integer(1), ['1', '64', '+5'], ['0', '-1', '1.5', 'abc', '', '1e3', '99999999999999999999']],
    [integer(0, 10), ['0', '10'], ['11']],
    [
      number('above 0', x => x > 0),
      ['1e-3', '.5', '2.', '+1'],
      ['0', '-1', 'abc', '', '0x10', '1e999', 'Infinity', '1,5'],
    ],
    [perChannel(0), ['0.5', '0.1,0.2,0.3', '0.1, 0.2'], ['0', '0.5,', ',', 'a', '0.5,-1']],
    [perChannel(), ['-1', '0'], ['', '1;2']],
    [oneOf(['adam', 'sgd']), ['adam'], ['Adam', 'adm', '']],
  ])('accepts and refuses (%#)', (parse, good, bad) => {
    for (const text of good) expect(() => parse(text), text).not.toThrow();
    for (const text of bad) expect(() => parse(text), text).toThrow(InvalidArgumentError);
  });

  it('gives the numbers', () => {
    expect(integer(1)('64')).toBe(64);
    expect(number('above 0', x => x > 0)('1e-3')).toBe(1e-3);
    expect(perChannel()('0.5,-1')).toEqual([0.5, -1]);
  });

  it('names what is near, and all that is valid', () => {
    const models = ['simple-mlp', 'improved-mlp', 'simple-cnn'];
    expect(suggestion('SimpleCNN', models)).toBe(
      'did you mean simple-cnn? Valid are: simple-mlp, improved-mlp, simple-cnn',
    );
    expect(suggestion('zzz', models)).toBe('Valid are: simple-mlp, improved-mlp, simple-cnn');
  });
});

describe('newOptions', () => {
  const given = { model: 'simple-cnn', data: 'synthetic' };

  it('fills in defaults', () => {
    expect(newOptions(given)).toEqual({
      ...given,
      epochs: 10,
      batchSize: 64,
      lr: 1e-3,
      optimizer: 'adam',
      weightDecay: 0,
      momentum: 0,
      nesterov: false,
      seed: 0,
      sampler: 'shuffle',
      classWeights: 'none',
    });
    expect(newOptions({ ...given, optimizer: 'sgd' }).momentum).toBe(0.9);
    expect(newOptions({ ...given, optimizer: 'sgd', momentum: 0, limit: 5 })).toMatchObject({ momentum: 0, limit: 5 });
  });

  it.each([
    [{ data: 'synthetic' }, 'needs a model'],
    [{ model: 'simple-cnn' }, 'needs --data'],
    [{ ...given, momentum: 0.5 }, '--momentum'],
    [{ ...given, nesterov: true }, '--nesterov'],
    [{ ...given, optimizer: 'sgd', momentum: 0, nesterov: true } as const, 'above 0'],
  ])('refuses %o', (options, text) => {
    expect(() => newOptions(options)).toThrow(UserError);
    expect(() => newOptions(options)).toThrow(text);
  });
});

describe('parseAdapterList', () => {
  it('reads what Dawn lists', () => {
    const message =
      "no WebGPU adapter: no suitable backends found\nAvailable adapters:\n * backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)'\n" +
      " * backend: 'metal', name: 'Apple M1 Max'\n";
    expect(parseAdapterList(message)).toEqual([
      { backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)' },
      { backend: 'metal', name: 'Apple M1 Max' },
    ]);
    expect(parseAdapterList('no WebGPU adapter was found')).toEqual([]);
  });
});
