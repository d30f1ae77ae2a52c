import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { UserError } from '../util/errors.js';
import type { QueueAddress } from './address.js';
import { withoutUser } from './queue-faults.js';

/** Milliseconds in which a server has to answer the first time. */
const FIRST_ANSWER = 5000;
/** A connection on which an answer is due for so long is dead, and made anew. */
const SILENCE = 10_000;
const LONGEST_WAIT = 3000;
const OLDEST_VERSION = 5;

/** A Redis server that was there when the connection was opened, and is connected to again whenever it goes. */
export class QueueConnection {
  readonly #clients = new Set<Redis>();
  #note: (text: string) => void;
  #isLost = false;
  #closing = false;

  private constructor(
    readonly address: QueueAddress,
    note: (text: string) => void,
  ) {
    this.#note = note;
    this.redis = this.client();
    this.redis
      .on('close', () => {
        if (this.#closing || this.#isLost) return;
        this.#isLost = true;
        this.#note(`the connection to ${address.shown} is lost; trying again`);
      })
      .on('ready', () => {
        if (!this.#isLost) return;
        this.#isLost = false;
        this.#note(`connected to ${address.shown} again`);
      });
  }

  /** For commands. One that is sent while the connection is lost waits until it is there again. */
  readonly redis: Redis;

  /**
   * @param note told when the connection is lost, and when it is back
   * @throws {UserError} where no Redis of version 5 or later answers within seconds, or does not let us in
   */
  static async open(address: QueueAddress, note: (text: string) => void): Promise<QueueConnection> {
    await probe(address, note);
    const connection = new QueueConnection(address, note);
    // It has just answered; where it is gone again, it is waited for like any other time.
    const ready = new Promise(resolve => connection.redis.once('ready', resolve));
    await Promise.race([ready, sleep(FIRST_ANSWER, undefined, { ref: false })]);
    return connection;
  }

  /** Another connection to the same server, closed with this one. */
  client(): Redis {
    const client = new Redis({
      ...optionsOf(this.address),
      retryStrategy: attempt => Math.min(100 * attempt, LONGEST_WAIT),
      // As BullMQ asks for: commands wait for the connection to come back.
      maxRetriesPerRequest: null,
      socketTimeout: SILENCE,
    });
    return this.#keep(client);
  }

  #keep(client: Redis): Redis {
    // What is wrong shows as a lost connection; without a listener ioredis prints it.
    client.on('error', () => undefined);
    this.#clients.add(client);
    client.on('end', () => this.#clients.delete(client)).on('connect', () => this.#clients.add(client));
    // BullMQ makes itself connections out of this one, and does not always get rid of them.
    const duplicate = client.duplicate.bind(client);
    client.duplicate = options => this.#keep(duplicate(options));
    return client;
  }

  close(): void {
    this.#closing = true;
    for (const client of this.#clients) client.disconnect();
  }
}

function optionsOf({ options }: QueueAddress) {
  // Version 3 of the protocol begins with a command that Redis 5 does not know.
  return { ...options, protocol: 2, disableClientInfo: true, connectTimeout: FIRST_ANSWER } as const;
}

/** Connects once and looks what answers. */
async function probe(address: QueueAddress, note: (text: string) => void): Promise<void> {
  const client = new Redis({
    ...optionsOf(address),
    ...{ lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0, commandTimeout: FIRST_ANSWER },
    enableReadyCheck: false,
  });
  let fault: Error | undefined;
  client.on('error', (error: Error) => {
    fault ??= error;
  });
  try {
    await client.connect();
    requireVersion(await client.info(), address, note);
  } catch (error) {
    if (error instanceof UserError) throw error;
    // What ended the connection says more than that it has ended.
    throw new UserError(describeFault(fault ?? (error as Error), address));
  } finally {
    client.disconnect();
  }
}

function requireVersion(info: string, { shown }: QueueAddress, note: (text: string) => void): void {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
  const version = field('redis_version');
  if (version === undefined) throw new UserError(`${shown} answers, but does not say that it is a Redis`);
  if (Number.parseInt(version, 10) < OLDEST_VERSION) {
    throw new UserError(`${shown} is Redis ${version}; ${OLDEST_VERSION} or later is needed`);
  }
  const policy = field('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    note(`warning: ${shown} forgets keys when its memory is full (maxmemory-policy ${policy}); set it to noeviction`);
  }
}

/** What is wrong, and what to do. Neither the fault's text nor this one has ever seen the password. */
function describeFault(fault: Error, { shown, options }: QueueAddress): string {
  const { code } = fault as NodeJS.ErrnoException;
  const message = messageOf(fault);
  if (/WRONGPASS|invalid password|invalid username-password/.test(message)) {
    return `${shown} refuses the user or the password`;
  }
  if (/NOAUTH|HELLO must be called/.test(message)) {
    return `${shown} asks for a password: give it in the URL, redis://:password@host, by the variable FACEGRAD_QUEUE`;
  }
  if (/called without any password configured/.test(message)) return `${shown} has no password, and one was given`;
  if (/NOPERM/.test(message)) return `${shown} does not let this user do what is needed: ${withoutUser(message)}`;
  if (/self.signed|unable to (get|verify)|certificate|altnames/i.test(message)) {
    return `${shown}: its certificate is not trusted (${message}); name that of its authority with --queue-ca`;
  }
  const tls = options.tls === undefined ? 'rediss:// if it speaks TLS' : 'redis:// if it does not speak TLS';
  if (/wrong version number|EPROTO|packet length|SSL/i.test(`${code ?? ''} ${message}`)) {
    return `${shown} does not speak TLS as it is asked to (${message}); give ${tls}`;
  }
  if (/Protocol error|Unknown RESP type/.test(message)) return `${shown} answers, but is no Redis`;
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(`${code ?? ''} ${message}`)) {
    return `no Redis answers at ${shown}: ${message}; start one, or mend --queue`;
  }
  return `no Redis answers at ${shown}: ${message}; is it one, is the way to it open? If so, give ${tls}`;
}

/** Node tries all addresses of a name and says nothing of them all together. */
function messageOf(fault: Error): string {
  const first = fault instanceof AggregateError ? (fault.errors[0] as Error) : fault;
  return first.message || (first as NodeJS.ErrnoException).code || first.name;
}
