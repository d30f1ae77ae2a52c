import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { hostname, networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { Refusal } from './refusal.js';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches what listens on `host`. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** Whether what listens on `host` does so on all addresses of this machine. */
export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Addresses by which other machines may reach this one, of the kind that people type. */
export function outerAddresses(): string[] {
  return addresses().flatMap(({ address, family, internal }) => (family === 'IPv4' && !internal ? [address] : []));
}

function addresses(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap(found => found ?? []);
}

/**
 * What a browser on this machine, or on another where `host` is no loopback, may call a server that listens on `host`. Ports are
 * not looked at: a tunnel or a container may have given it another, and no foreign page can choose a name by its port.
 */
export function ownNames(host: string): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '::1'];
  // A server on all addresses has all their names.
  if (!isEverywhere(host)) names.push(host);
  if (!isLoopback(host)) {
    names.push(hostname(), `${hostname()}.local`);
    for (const { address } of addresses()) names.push(address);
  }
  return new Set(names.flatMap(name => hostnameOf(isIP(name) === 6 ? `[${name}]` : name) ?? []));
}

/** What a request says of where it goes and comes from. */
export interface Asked {
  /** In every form in which it says so: the Host header, the authority of its target. */
  readonly hosts: readonly string[];
  readonly origin?: string | undefined;
  readonly fetchSite?: string | undefined;
  /** Whether somebody opens the page, by a link perhaps. */
  readonly opensPage: boolean;
}

/**
 * Sends away what pages of other origins have a browser ask: their names may lead here (DNS rebinding), and their scripts may
 * send requests whose answers they cannot read.
 * @throws {Refusal}
 */
export function requireOwn({ hosts, origin, fetchSite, opensPage }: Asked, names: ReadonlySet<string>): void {
  for (const host of hosts) {
    const name = hostnameOf(host);
    if (name === undefined || !names.has(name)) {
      throw new Refusal(421, `this is not ${host}; where it is, give facegrad serve that name with --host`);
    }
  }
  if (origin !== undefined && !hosts.includes(hostOfOrigin(origin) ?? '')) {
    throw new Refusal(403, `requests of pages of ${origin} are refused`);
  }
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none' && !opensPage) {
    throw new Refusal(403, 'requests of pages of other origins are refused');
  }
}

/** @throws {Refusal} where the header `Authorization` does not hold `token` */
export function requireToken(authorization: string | undefined, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  // Digests have one length, and are compared in one time whatever they share.
  if (timingSafeEqual(digest(given), digest(token))) return;
  const fault = given === '' ? 'a token is needed' : 'this is not the token';
  throw new Refusal(401, `${fault}: facegrad serve prints it; send it as Authorization: Bearer <token>`, {
    'WWW-Authenticate': 'Bearer realm="facegrad"',
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The name of a host with or without a port, in one form; undefined where it is none. */
function hostnameOf(host: string): string | undefined {
  // Else part of it could be taken for a user, a path or a query.
  if (!/^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname.replace(/\.$/, '');
  } catch {
    return undefined;
  }
}

function hostOfOrigin(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
}
