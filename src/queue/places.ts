import { basename, resolve } from 'node:path';
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
  const paths = new Map<DataPlace, string>();
  mapPaths(options, (place, path) => {
    paths.set(place, path);
    return path;
  });
  const files: Partial<Record<DataPlace, DataFile>> = {};
  for (const [place, path] of paths) {
    const stored = await store.locate(path);
    files[place] = { name: basename(resolve(path)), ...(stored === undefined ? {} : { stored }) };
  }
  const { init } = options;
  const inside = init === undefined ? undefined : await store.require('--init', init);
  return { options: withoutPaths(options), files, ...(inside === undefined ? {} : { init: inside }) };
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
