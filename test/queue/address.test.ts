import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueueAddress } from '../../src/queue/index.js';
import { UserError } from '../../src/util/errors.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-address-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the address of a queue', () => {
  it.each([
    ['redis://localhost', { host: 'localhost', port: 6379, db: 0 }, 'redis://localhost:6379'],
    ['redis://10.0.0.1:7000/3', { host: '10.0.0.1', port: 7000, db: 3 }, 'redis://10.0.0.1:7000/3'],
    ['redis://[::1]:7000/', { host: '::1', port: 7000, db: 0 }, 'redis://[::1]:7000'],
    ['redis://:p%40ss@host', { host: 'host', port: 6379, db: 0, password: 'p@ss' }, 'redis://host:6379'],
    [
      'rediss://anna:secret@host',
      { host: 'host', port: 6379, db: 0, username: 'anna', password: 'secret', tls: {} },
      'rediss://host:6379',
    ],
  ])('of %s is what a client takes', (url, options, shown) => {
    const address = QueueAddress.parse(url);
    expect(address.options).toEqual(options);
    expect(address.shown).toBe(shown);
  });

  it('shows no password, however it is printed', () => {
    const address = QueueAddress.parse('redis://anna:secret@host/1');
    for (const text of [
      String(address),
      JSON.stringify({ address }),
      inspect(address, { depth: 9, showHidden: true }),
    ]) {
      expect(text).toContain('host');
      expect(text).not.toMatch(/secret|anna/);
    }
  });

  it.each([
    ['http://:secret@host', 'is no Redis'],
    ['host:6379', 'is no Redis'],
    ['secret:word@host', 'that is no Redis'],
    ['secret://host', 'that is no Redis'],
    ['secret', 'is no URL'],
    ['redis://:secret@', 'is no URL'],
    ['redis://:secret@host/first', 'the number of a database'],
    ['redis://:secret@host?password=secret', 'the number of a database'],
    ['redis://secret@host', 'a user without a password'],
    ['redis://:secret%@host', 'is written %25'],
  ])('%s is refused without being repeated', (url, text) => {
    const parse = () => QueueAddress.parse(url);
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(text);
    expect(parse).not.toThrow(/secret/);
  });

  it('takes certificates for TLS alone, from a file that holds some', async () => {
    const file = join(folder, 'ca.pem');
    await writeFile(file, 'no certificate');
    expect(() => QueueAddress.parse('redis://host', file)).toThrow('--queue-ca is for TLS');
    expect(() => QueueAddress.parse('rediss://host', file)).toThrow('holds no certificate');
    expect(() => QueueAddress.parse('rediss://host', join(folder, 'missing.pem'))).toThrow('cannot be read');
  });
});
