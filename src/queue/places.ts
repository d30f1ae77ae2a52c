import { basename, resolve } from 'node:path';
import type { Translate } from '../train/series/index.js';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import type { DataFile, DataFiles, DataPlace } from './protocol.js';
import type { Store } from './store.js';

/** Options of a run on one machine, and the same on another: what differs are the paths of its data. */

const SYNTHETIC = 'synthetic';

/** Options with `change` of every path of data. */
export function mapPaths(options: TrainOptions, change: (place: DataPlace, path: string) => string): TrainOptions {
  const { data, labels, exclude, joint } = options;
  const changed = (place: DataPlace, path: string) => (path === SYNTHETIC ? path : change(place, path));
  const optional = <K extends string>(key: K, place: DataPlace, path: string | undefined) =>
    (path === undefined ? {} : { [key]: changed(place, path) }) as Partial<Record<K, string>>;
  return {
    ...options,
    data: changed('data', data),
    ...optional('labels', 'labels', labels),
    ...optional('exclude', 'exclude', exclude),
    ...(joint
      ? {
          joint: {
            ...joint,
            data: changed('joint.data', joint.data),
            ...optional('labels', 'joint.labels', joint.labels),
            ...optional('exclude', 'joint.exclude', joint.exclude),
          },
        }
      : {}),
  };
}

/** Options with names in place of paths: the same on every machine. */
export function withoutPaths(options: TrainOptions): TrainOptions {
  const { init } = options;
  return { ...mapPaths(options, (_, path) => basename(path)), ...(init === undefined ? {} : { init: basename(init) }) };
}

/** Options for the data from which a run's fold is drawn. */
export function withoutFold(options: TrainOptions): TrainOptions {
  const whole = { ...options };
  delete whole.fold;
  return whole;
}

/** What a job says of the paths in its options. */
export interface PortableOptions {
  readonly options: TrainOptions;
  readonly files: DataFiles;
  /** In the store. */
  readonly init?: string;
}

/**
 * Options for other machines.
 * @throws {UserError} where the weights to begin from lie outside the store
 */
export async function portableOptions(options: TrainOptions, store: Store): Promise<PortableOptions> {
  const files: Partial<Record<DataPlace, DataFile>> = {};
  for (const [place, path] of pathsOf(options)) {
    const stored = await store.locate(path);
    files[place] = { name: basename(resolve(path)), ...(stored === undefined ? {} : { stored }) };
  }
  const { init } = options;
  const inside = init === undefined ? undefined : await store.require('--init', init);
  return { options: withoutPaths(options), files, ...(inside === undefined ? {} : { init: inside }) };
}

/**
 * Gives the options of a run that a worker has begun, which wrote its own paths into them, this machine's paths where both mean
 * the same: weights are told by their place in the store, data by name, because their fingerprints are compared as well.
 */
export function translatorOf(store: Store): Translate {
  return async (written, own) => {
    const names = new Map<DataPlace, readonly string[]>();
    const paths = pathsOf(own);
    // A job names what a link leads to.
    for (const [place, path] of paths) names.set(place, [basename(path), basename((await store.locate(path)) ?? path)]);
    const options = mapPaths(written, (place, path) =>
      names.get(place)?.includes(basename(path)) ? paths.get(place)! : path,
    );
    const { init } = own;
    const isSame = init !== undefined && written.init !== undefined && (await isSameInit(written.init, init, store));
    return isSame ? { ...options, init } : options;
  };
}

async function isSameInit(written: string, own: string, store: Store): Promise<boolean> {
  const place = await store.locate(own);
  if (place === undefined) return false;
  // A path of another machine may lead nowhere on this one.
  const here = await store.locate(written).catch(() => undefined);
  return here === undefined ? written.replaceAll('\\', '/').endsWith(`/${place}`) : here === place;
}

/** Every path of data. */
function pathsOf(options: TrainOptions): ReadonlyMap<DataPlace, string> {
  const paths = new Map<DataPlace, string>();
  mapPaths(options, (place, path) => {
    paths.set(place, path);
    return path;
  });
  return paths;
}

/** Options of a job with the paths of this machine. */
export function localOptions(
  { options, init }: { readonly options: TrainOptions; readonly init?: string | undefined },
  paths: ReadonlyMap<DataPlace, string>,
  store: Store,
): TrainOptions {
  const local = mapPaths(options, (place, name) => {
    const path = paths.get(place);
    if (path === undefined) throw new UserError(`a job names ${name} as ${place} and does not say which file that is`);
    return path;
  });
  return { ...local, ...(init === undefined ? {} : { init: store.resolve(init) }) };
}
