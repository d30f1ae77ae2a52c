import { readFileSync } from 'node:fs';
import { UserError } from '../util/errors.js';

const DEFAULT_PORT = 6379;

/** What a client is told of a server. */
interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly ca?: string };
}

/** Where a queue is: a Redis server, and how one is let in. It prints as a URL without name and password. */
export class QueueAddress {
  /** Private, so that nothing that prints an object shows it. */
  readonly #options: ServerOptions;

  private constructor(
    /** `redis://host:port/db`, for people: whoever is let in, and by what, is left out. */
    readonly shown: string,
    options: ServerOptions,
  ) {
    this.#options = options;
  }

  /** As a client takes it, with the password. */
  get options(): ServerOptions {
    return this.#options;
  }

  /**
   * @param url `redis://` or, over TLS, `rediss://[[user]:password@]host[:port][/db]`
   * @param ca a PEM file: whose certificates are trusted, instead of those that Node knows
   * @throws {UserError} where it is no such URL; the message never repeats it, because it may hold a password
   */
  static parse(url: string, ca?: string): QueueAddress {
    const { protocol, hostname, port, pathname, search, hash, username, password } = parseUrl(url);
    const tls = protocol === 'rediss:';
    if (!tls && protocol !== 'redis:') {
      // Before the first colon of what lacks a scheme there may be a user.
      throw new UserError(`--queue: ${KNOWN.test(url) ? `${protocol}//` : 'that'} is no Redis; ${SHAPE}`);
    }
    if (hostname === '') throw new UserError(`--queue: the URL names no host; ${SHAPE}`);
    const db = /^\/?$/.test(pathname) ? 0 : /^\/\d{1,5}$/.test(pathname) ? Number(pathname.slice(1)) : undefined;
    if (db === undefined || search !== '' || hash !== '') {
      throw new UserError(`--queue: after the host comes the number of a database or nothing; ${SHAPE}`);
    }
    if (ca !== undefined && !tls) throw new UserError('--queue-ca is for TLS: begin --queue with rediss://');
    const [user, secret] = [decode(username), decode(password)];
    if (user !== '' && secret === '') throw new UserError(`--queue: a user without a password; ${SHAPE}`);
    const number = port === '' ? DEFAULT_PORT : Number(port);
    return new QueueAddress(`${protocol}//${hostname}:${number}${db === 0 ? '' : `/${db}`}`, {
      // IPv6 addresses stand in brackets in URLs alone.
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: number,
      db,
      ...(secret === '' ? {} : { password: secret }),
      ...(user === '' ? {} : { username: user }),
      ...(tls ? { tls: ca === undefined ? {} : { ca: readCertificates(ca) } } : {}),
    });
  }

  toString(): string {
    return this.shown;
  }

  /** What becomes of it in JSON and logs. */
  toJSON(): string {
    return this.shown;
  }
}

/** Schemes that may be meant. */
const KNOWN = /^(https?|tcp|unix|valkeys?|amqps?):\/\//;

const SHAPE = 'give redis://host:6379, or rediss://host:6379 over TLS';

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new UserError(`--queue is no URL; ${SHAPE}`);
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UserError('--queue: a % in user or password is written %25');
  }
}

function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`--queue-ca ${file} cannot be read: ${(error as Error).message}`);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new UserError(`--queue-ca ${file} holds no certificate (PEM)`);
  return text;
}
