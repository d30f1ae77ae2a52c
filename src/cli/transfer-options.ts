import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { JointOptions } from '../train/joint.js';
import { UserError } from '../util/errors.js';
import { collect, number, oneOf } from './options.js';

/** Options of what a network begins from, and what it is kept near to. */

const share = number('above 0 and below 1', value => value > 0 && value < 1);

/** `--joint-…` among a command's flags. */
export interface JointFlags {
  jointData?: string | undefined;
  jointShare?: number | undefined;
  jointMapLabels?: string | undefined;
}

const DEFAULT_SHARE = 0.5;

export function addInitOptions(command: Command): Command {
  return command
    .option('--init <weights>', 'begin from the weights of a file, or from the best ones of a run; says what fits')
    .addOption(
      new Option('--init-head <how>', 'fresh: the last layer does not come from --init')
        .choices(['fresh'])
        .argParser(oneOf(['fresh'])),
    );
}

export function addFreezeOptions(command: Command): Command {
  return command
    .option(
      '--freeze <pattern>',
      "parameters that do not learn, such as 'layer1*' or '*'; may be given several times",
      collect,
    )
    .option(
      '--unfreeze <pattern>',
      'parameters that do, of those that --freeze takes; may be given several times',
      collect,
    );
}

export function addJointOptions(command: Command): Command {
  return command
    .option(
      '--joint-data <path>',
      'train on the images of a second data set too; it keeps a network from forgetting it',
    )
    .option('--joint-share <x>', `share of its images in each batch (default: ${DEFAULT_SHARE})`, share)
    .option('--joint-map-labels <map>', 'as --map-labels, for the second data set');
}

/** `--joint-…` as options of a run; nothing where they are not given. */
export function jointOf({ jointData, jointShare, jointMapLabels }: JointFlags): { joint?: JointOptions } {
  if (jointData === undefined) {
    if (jointShare === undefined && jointMapLabels === undefined) return {};
    throw new UserError(`--joint-${jointShare === undefined ? 'map-labels' : 'share'} needs --joint-data`);
  }
  const joint: JointOptions = {
    data: jointData === 'synthetic' ? jointData : resolve(jointData),
    share: jointShare ?? DEFAULT_SHARE,
    ...(jointMapLabels === undefined ? {} : { mapLabels: jointMapLabels }),
  };
  return { joint };
}
