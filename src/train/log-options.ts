import * as z from 'zod';

/** After how many epochs something is told to TensorBoard; `auto`: so that a run has a certain number at most. */
export type LogEvery = number | 'auto';

/**
 * What a run tells TensorBoard beside figures (epoch-look.ts), after every so many epochs and the last. It decides nothing of the
 * result, and may be changed when the run is resumed.
 */
export interface LogOptions {
  /** Histograms of weights and gradients. */
  logHistograms?: LogEvery;
  /** Training images, validation images with what is said of them, and the confusion matrix. */
  logImages?: LogEvery;
}

const every = z.union([z.int().positive(), z.literal('auto')], { error: 'give a number of epochs, or auto' });

export const logShape = {
  logHistograms: every.exactOptional(),
  logImages: every.exactOptional(),
};

export const logKeys = Object.keys(logShape) as readonly (keyof LogOptions)[];

/** How many times a run tells each at most, where the options say `auto`; a last epoch out of turn comes on top. */
export const LOG_MOST: Readonly<Record<keyof LogOptions, number>> = { logHistograms: 50, logImages: 10 };

/** Whether `what` is told after `epoch`, from 1, of a run of so many `epochs`. */
export function isLogged(
  what: keyof LogOptions,
  options: LogOptions & { readonly epochs: number },
  epoch: number,
): boolean {
  const given = options[what];
  if (given === undefined) return false;
  const interval = given === 'auto' ? Math.ceil(options.epochs / LOG_MOST[what]) : given;
  return epoch % interval === 0 || epoch === options.epochs;
}
