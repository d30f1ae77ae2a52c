import { UserError } from '../../util/errors.js';
import type { Module } from '../module.js';

/** The options that only some architectures have. */
export interface Extras {
  /** Probability of the dropout layers; where an architecture has several, of those in its head. */
  readonly dropout: number;
  /** Squeeze-and-excitation in residual blocks. */
  readonly se: boolean;
  readonly activation: 'relu' | 'sigmoid';
}

/** What may differ between two networks of one architecture; the architecture's own choice where undefined. */
export type ModelOptions = { readonly [Option in keyof Extras]?: Extras[Option] | undefined } & {
  readonly classes?: number | undefined;
  /** Of the input images. */
  readonly channels?: number | undefined;
  /** Side of the square input images. */
  readonly size?: number | undefined;
};

/** What an architecture is built from: every option decided. */
export interface Settings {
  readonly classes: number;
  readonly channels: number;
  readonly size: number;
  /** Side of what the head gets from an image of `size`. */
  readonly side: number;
}

/** A network of the registry: what it takes, and how it is made. */
export interface ModelDefinition {
  readonly name: string;
  readonly description: string;
  /** Defaults. */
  readonly channels: number;
  readonly size: number;
  readonly classes: number;
  /** The least side of an input image. */
  readonly leastSize: number;
  /** The options beyond classes, channels and size that it has, with their defaults. */
  readonly extras: Partial<Extras>;
  /**
   * Refuses what `create` would refuse.
   * @throws UserError where the input is too small, or for an option that the architecture does not have
   */
  readonly check: (options: ModelOptions) => void;
  /**
   * Builds the network with fresh weights from the default generator.
   * @throws UserError as `check`
   */
  readonly create: (options?: ModelOptions) => Module;
}

export interface Architecture<Own extends Partial<Extras>> {
  readonly description: string;
  readonly channels: number;
  readonly size: number;
  readonly classes: number;
  /** The options that it has besides, with their defaults. */
  readonly extras?: Own;
  /** Side of what is left of an image before the head, 0 where pools leave nothing; by default any size will do. */
  readonly side?: (size: number) => number;
  readonly build: (settings: Settings & Own) => Module;
}

/** An entry of the registry. */
export function defineModel<Own extends Partial<Extras> = object>(
  name: string,
  architecture: Architecture<Own>,
): ModelDefinition {
  const { description, channels, size, classes, side = () => 1, build } = architecture;
  const extras = architecture.extras ?? ({} as Own);
  let leastSize = 1;
  while (side(leastSize) < 1) leastSize++;

  function settle(options: ModelOptions): Settings & Own {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const settings = { classes, channels, size, ...extras, ...given };
    const known = Object.keys({ classes, channels, size, ...extras });
    const unknown = Object.keys(given).filter(option => !known.includes(option));
    if (unknown.length > 0) {
      throw new UserError(`${name} has no option ${unknown.join(', ')}; it has ${known.join(', ')}`);
    }
    for (const option of ['classes', 'channels', 'size'] as const) {
      const value = settings[option];
      if (!Number.isInteger(value) || value < 1) {
        throw new UserError(`${name}: ${option} is a whole number of at least 1, not ${value}`);
      }
    }
    if (settings.size < leastSize) {
      throw new UserError(
        `${name}: images of ${settings.size}x${settings.size} are too small for its pools; ` +
          `it takes ${leastSize}x${leastSize} or more`,
      );
    }
    const { dropout } = settings as Partial<Extras>;
    if (dropout !== undefined && !(dropout >= 0 && dropout < 1)) {
      throw new UserError(`${name}: dropout is from 0 to below 1, not ${dropout}`);
    }
    return { ...settings, side: side(settings.size) };
  }

  return {
    ...{ name, description, channels, size, classes, leastSize, extras },
    check: options => {
      settle(options);
    },
    create: (options = {}) => build(settle(options)),
  };
}
