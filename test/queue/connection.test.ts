import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueueAddress, QueueConnection } from '../../src/queue/index.js';
import { UserError } from '../../src/util/errors.js';
import { facegrad } from '../cli/facegrad.js';
import { Proxy } from './proxy.js';
import { freePort, lacksRedis, startRedis, type TestRedis } from './redis.js';

describe.skipIf(lacksRedis)('with a Redis', () => {
  let folder: string;
  let open: TestRedis;
  /** With a password, over TLS too. */
  let locked: TestRedis;
  let tlsPort: number;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facegrad-connection-'));
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
        ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')],
      ],
      { stdio: 'ignore' },
    );
    tlsPort = await freePort();
    [open, locked] = await Promise.all([
      startRedis(),
      startRedis([
        ...['--requirepass', 'secret', '--tls-port', String(tlsPort), '--tls-auth-clients', 'no'],
        ...['--user', 'anna', 'on', '>hidden', '+ping'],
        ...['--tls-cert-file', join(folder, 'cert.pem'), '--tls-key-file', join(folder, 'key.pem')],
      ]),
    ]);
  });

  afterAll(async () => {
    for (const close of closing) await close();
    await Promise.all([open.stop(), locked.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Answers whatever a client sends with the next of `replies`, and the last one from then on. */
  async function answering(...replies: string[]): Promise<number> {
    const server: Server = createServer(socket => {
      const left = [...replies];
      socket.on('error', () => undefined);
      socket.on('data', () => {
        socket.write(left.length > 1 ? left.shift()! : (left[0] ?? ''));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      server.close();
      return Promise.resolve();
    });
    return (server.address() as AddressInfo).port;
  }

  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

  async function connect(url: string, ca?: string, note: (text: string) => void = () => undefined) {
    const connection = await QueueConnection.open(QueueAddress.parse(url, ca), note);
    try {
      expect(await connection.redis.ping()).toBe('PONG');
    } finally {
      connection.close();
    }
  }

  describe('a connection to a queue', () => {
    it('lets in by password, and over TLS by a certificate that is named', async () => {
      const [plain, secure] = [`redis://:secret@127.0.0.1:${locked.port}/2`, `rediss://:secret@localhost:${tlsPort}`];
      await connect(open.url);
      await connect(plain);
      await connect(secure, join(folder, 'cert.pem'));
    });

    it.each([
      [
        'nobody listens',
        () => `redis://:hidden@127.0.0.1:1`,
        'no Redis answers at redis://127.0.0.1:1: connect ECONNREFUSED',
      ],
      ['there is no such host', () => 'redis://nowhere.invalid', 'no Redis answers at redis://nowhere.invalid:6379'],
      ['the password is wrong', () => `redis://:hidden@127.0.0.1:${locked.port}`, 'refuses the user or the password'],
      ['the user is unknown', () => `redis://eve:hidden@127.0.0.1:${locked.port}`, 'refuses the user or the password'],
      [
        'the user may do too little',
        () => `redis://anna:hidden@127.0.0.1:${locked.port}`,
        'does not let this user do what is needed',
      ],
      ['a password is missing', () => `redis://127.0.0.1:${locked.port}`, 'asks for a password'],
      [
        'the certificate is unknown',
        () => `rediss://:hidden@localhost:${tlsPort}`,
        'name that of its authority with --queue-ca',
      ],
    ])('is refused where %s, without user and password', async (_what, url, text) => {
      const error = await connect(url()).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(UserError);
      expect((error as Error).message).toContain(text);
      expect((error as Error).message).not.toMatch(/hidden|anna|eve/);
    });

    it('is refused where the server is too old, none, or of another kind', async () => {
      const old = await answering(bulk('# Server\r\nredis_version:4.0.14\r\n'));
      await expect(connect(`redis://127.0.0.1:${old}`)).rejects.toThrow('is Redis 4.0.14; 5 or later is needed');
      const other = await answering(bulk('hello'));
      await expect(connect(`redis://127.0.0.1:${other}`)).rejects.toThrow('does not say that it is a Redis');
      const web = await answering('HTTP/1.1 400 Bad Request\r\n\r\n');
      await expect(connect(`redis://127.0.0.1:${web}`)).rejects.toThrow('answers, but is no Redis');
      await expect(connect(`rediss://127.0.0.1:${web}`)).rejects.toThrow('give redis:// if it does not speak TLS');
    });

    it('says that a server will forget keys', async () => {
      const notes: string[] = [];
      const info = bulk('# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n');
      const port = await answering(info, '+PONG\r\n');
      await QueueConnection.open(QueueAddress.parse(`redis://127.0.0.1:${port}`), text => notes.push(text)).then(
        connection => {
          connection.close();
        },
      );
      expect(notes).toEqual([expect.stringContaining('set it to noeviction')]);
    });

    it('tells that it is lost and back, and keeps what was asked meanwhile', async () => {
      const proxy = await Proxy.to(open.port);
      closing.push(() => proxy.close());
      const notes: string[] = [];
      const connection = await QueueConnection.open(QueueAddress.parse(`redis://127.0.0.1:${proxy.port}`), text =>
        notes.push(text),
      );
      proxy.cut();
      const asked = connection.redis.set('asked', '1');
      proxy.mend();
      expect(await asked).toBe('OK');
      expect(notes.map(note => note.replace(/redis:\S+/, ''))).toEqual([
        'the connection to  is lost; trying again',
        'connected to  again',
      ]);
      connection.close();
    });
  });

  describe('the command line', () => {
    it('ends with 2 within seconds, and names no password', async () => {
      const store = ['--store', folder];
      const [worker, none, unset] = await Promise.all([
        facegrad(['worker', '--queue', 'redis://:hidden@127.0.0.1:1', ...store]),
        facegrad(['worker', '--queue', ...store], { env: { FACEGRAD_QUEUE: 'http://:hidden@localhost' } }),
        facegrad(['worker', ...store], { env: { FACEGRAD_QUEUE: '' } }),
      ]);
      expect(worker).toMatchObject({ code: 2, stdout: '' });
      expect(worker.stderr).toContain('no Redis answers at redis://127.0.0.1:1');
      expect(none).toMatchObject({ code: 2, stdout: '' });
      expect(none.stderr).toContain('http:// is no Redis');
      expect(unset).toMatchObject({ code: 2, stdout: '' });
      expect(unset.stderr).toContain('FACEGRAD_QUEUE');
      for (const { stderr } of [worker, none]) expect(stderr).not.toContain('hidden');
    });
  });
});
