import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: true;
  readonly devOptional?: true;
  readonly peer?: true;
  readonly hasInstallScript?: true;
}

interface Manifest {
  readonly license?: string;
  readonly dependencies: Record<string, string>;
}

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const text = (name: string) => readFileSync(path(name), 'utf8');
const json = (name: string): unknown => JSON.parse(text(name));

const { dependencies } = json('package.json') as Manifest;
const locked = Object.entries((json('package-lock.json') as { packages: Record<string, Locked> }).packages).filter(
  ([place]) => place !== '',
);
const nameOf = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
/** Those that come along where facegrad is installed. */
const runtime = locked.filter(([, { dev, devOptional, peer }]) => !dev && !devOptional && !peer);

describe('docs/dependencies.md', () => {
  const rows = [...text('docs/dependencies.md').matchAll(/^\| `([^`]+)` +\| (.+?) +\| (.+?) +\|$/gm)];

  it('lists the packages that package.json asks for, each with its licence and why', () => {
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(dependencies).sort());
    for (const [, name, licence, why] of rows) {
      expect(licence, name).toBe((json(`node_modules/${name!}/package.json`) as Manifest).license);
      expect(why!.length, name).toBeGreaterThan(10);
    }
  });

  it('names the licences of all that they bring along', () => {
    const allowed = /^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0|0BSD|Unlicense|MPL-2\.0|LGPL-3\.0-or-later)$/;
    const others = runtime.filter(([, { license = '' }]) => !license.split(' AND ').every(one => allowed.test(one)));
    expect(others.map(([place]) => nameOf(place))).toEqual(['dejavu-fonts-ttf']);
  });

  it('names those that would run something when they are installed', () => {
    const scripted = runtime.filter(([, { hasInstallScript }]) => hasInstallScript).map(([place]) => nameOf(place));
    expect(scripted.sort()).toEqual(['msgpackr-extract', 'webgpu']);
    for (const name of scripted) expect(text('docs/dependencies.md')).toContain(`\`${name}\``);
  });
});

describe('package-lock.json', () => {
  it('pins every package by a digest, and takes none from elsewhere than the registry', () => {
    expect(locked.length).toBeGreaterThan(100);
    const loose = locked.filter(([, { integrity = '' }]) => !/^sha512-[\w+/]{86}==$/.test(integrity));
    expect(loose.map(([place]) => place)).toEqual([]);
    const elsewhere = locked.filter(
      ([, { resolved }]) => resolved && !resolved.startsWith('https://registry.npmjs.org/'),
    );
    expect(elsewhere.map(([place]) => place)).toEqual([]);
  });

  it('has all that the packages in it ask for, so that npm ci takes it', () => {
    const names = new Set(locked.map(([place]) => nameOf(place)));
    const asked = locked.flatMap(([place, entry]) => {
      const { dependencies = {}, optionalDependencies = {} } = entry as {
        dependencies?: Record<string, string>;
        optionalDependencies?: Record<string, string>;
      };
      return Object.keys({ ...dependencies, ...optionalDependencies }).map(name => ({ place, name }));
    });
    expect(asked.filter(({ name }) => !names.has(name))).toEqual([]);
  });
});
