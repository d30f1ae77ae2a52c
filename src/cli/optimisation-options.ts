import { InvalidArgumentError, Option, type Command } from 'commander';
import type { OptimisationOptions } from '../train/optimisation.js';
import { collect, integer, number, oneOf } from './options.js';

const optimizers = ['adam', 'adamw', 'sgd', 'rmsprop'] as const;

const above0 = number('above 0', value => value > 0);
const from0 = number('of 0 or more', value => value >= 0);
const share = number('from 0 to below 1', value => value >= 0 && value < 1);

/** `--betas 0.9,0.999`. */
function pair(text: string): number[] {
  const values = text.split(',').map(share);
  if (values.length !== 2) throw new InvalidArgumentError('Give two numbers, between commas.');
  return values;
}

/** `--l2-sp 0.01` or `--l2-sp 0.01,0.001`. */
function strengths(text: string): number[] {
  const values = text.split(',').map(from0);
  if (values.length > 2) throw new InvalidArgumentError('Give one number, or two between commas.');
  return values;
}

/** The options of an optimiser, for every command that takes steps. */
export function addOptimizerOptions(
  command: Command,
  defaults: Pick<OptimisationOptions, 'optimizer' | 'lr'>,
): Command {
  return command
    .option('--lr <rate>', `learning rate (default: ${defaults.lr})`, above0)
    .addOption(
      new Option('--optimizer <name>', `update rule (default: ${defaults.optimizer})`)
        .choices(optimizers)
        .argParser(oneOf(optimizers)),
    )
    .option(
      '--weight-decay <x>',
      'penalty that PyTorch adds to gradients, or AdamW takes off weights (default: 0, adamw: 0.01)',
      from0,
    )
    .option('--exempt-norm-bias', 'no weight decay on normalisation layers and biases')
    .option('--momentum <x>', 'of SGD (default: 0.9) and RMSprop (default: 0)', share)
    .option('--nesterov', 'Nesterov momentum, of SGD')
    .option('--dampening <x>', 'of SGD: takes that share off each new gradient (default: 0)', share)
    .option('--betas <numbers>', 'of Adam and AdamW (default: 0.9,0.999)', pair)
    .option('--alpha <x>', 'of RMSprop: what its mean of squares keeps (default: 0.99)', share)
    .option('--centered', 'of RMSprop: divide by the deviation about the mean')
    .option('--eps <x>', 'what Adam, AdamW and RMSprop add to divisors (default: 1e-8)', above0)
    .option(
      '--groups <pattern:options>',
      "parameters with options of their own, such as 'classifier*:lr=0.01,weight_decay=0'; may be given several times",
      collect,
    );
}

/** What a run does with gradients, rates, weights and the loss beside that. */
export function addOptimisationOptions(
  command: Command,
  defaults: Pick<OptimisationOptions, 'optimizer' | 'lr'>,
): Command {
  return addOptimizerOptions(command, defaults)
    .option('--clip-norm <x>', 'scale gradients down together to this norm', above0)
    .option('--clip-value <x>', 'cut each element of a gradient off at this value', above0)
    .option(
      '--l2-sp <alpha,beta>',
      'L2-SP: pull weights to those of --init this strongly, and fresh ones to zero (default of beta: alpha)',
      strengths,
    )
    .option('--accumulate <n>', 'batches of one step (default: 1)', integer(1, 65_536))
    .option('--ema <decay>', 'evaluate and keep a moving average of the weights, such as 0.999', share)
    .option('--ema-warmup', 'let the decay of --ema grow over the first steps')
    .option(
      '--scheduler <name:options>',
      "how the rate changes: 'exponential:gamma=0.95', 'step:step_size=5,gamma=0.5', 'multistep:milestones=3,9', 'cosine', " +
        "'cosine-restarts:t_0=5', 'onecycle:max_lr=0.1', 'plateau:factor=0.5,patience=3'; options are PyTorch's, and " +
        'per=epoch or per=step',
    )
    .option('--warmup <length>', "linear warm-up first: epochs, such as 2, or 'steps=500,start_factor=0.1'")
    .option(
      '--early-stop <patience>',
      "stop after so many epochs without improvement: 5, or 'patience=5,min_delta=0.001,metric=accuracy'",
    )
    .option('--label-smoothing <x>', 'share of the target spread over all classes (default: 0)', share)
    .option('--focal-gamma <x>', 'train on the focal loss with this gamma', from0);
}
