import * as z from 'zod';
import { dataOptionsOf, dataOptionsShape, type LoadOptions } from '../data/options.js';

/** How the second data set of a run is stored: where it is, what is used of it, and how much. */
export const jointSchema = z.strictObject({
  /** `synthetic`, or the path of a data set. */
  data: z.string().min(1),
  /** Of the images that an epoch shows, the share that is drawn from this data set. */
  share: z.number().gt(0).lt(1),
  /** An exclusion list for it. */
  exclude: z.string().min(1).exactOptional(),
  ...dataOptionsShape,
});

/**
 * A data set that a network is trained on beside another one, so that it does not forget it: its training images are mixed
 * in (data/joint.ts); validation and test images stay the first one's.
 */
export type JointOptions = z.infer<typeof jointSchema>;

/** How a joint data set is loaded beside one that is in memory; `first` are the options of that one. */
export function jointLoadOptions(joint: JointOptions, first: LoadOptions, channels: number): LoadOptions {
  const { equalize } = first;
  const size = first.imageSize ?? first.inputSize;
  return {
    ...(equalize ? { equalize } : {}),
    channels: channels === 1 ? 1 : 3,
    ...(size === undefined ? {} : { inputSize: size }),
    ...dataOptionsOf(joint),
  };
}
