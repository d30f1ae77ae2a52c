import * as z from 'zod';
import { BatchNorm, type Module } from '../nn/index.js';
import type { Parameter } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { checkFields, parseFields } from './fields.js';
import type { ParameterGroupOptions } from './optimizer.js';

/** Parameters whose names match a pattern (src/nn/pattern.ts), with options of their own. */
export interface GroupSpec {
  readonly pattern: string;
  readonly lr?: number;
  readonly weightDecay?: number;
}

const schema = z.strictObject({
  lr: z.number().nonnegative().exactOptional(),
  weight_decay: z.number().nonnegative().exactOptional(),
});

/**
 * Reads `layer4*:lr=0.01,weight_decay=0`.
 * @throws UserError
 */
export function parseGroup(text: string): GroupSpec {
  const what = `--groups ${text}`;
  const colon = text.lastIndexOf(':');
  if (colon < 1) throw new UserError(`${what}: write a pattern and its options, such as 'classifier*:lr=0.01'`);
  const { lr, weight_decay: weightDecay } = checkFields(schema, parseFields(text.slice(colon + 1), what), what);
  if (lr === undefined && weightDecay === undefined)
    throw new UserError(`${what}: it changes neither lr nor weight_decay`);
  return {
    pattern: text.slice(0, colon),
    ...(lr === undefined ? {} : { lr }),
    ...(weightDecay === undefined ? {} : { weightDecay }),
  };
}

/**
 * The model's parameters in groups: each goes to the first pattern that it matches, the rest to a last group. With
 * `exemptNormBias`, weights of normalisation layers and all biases are split off every group and bear no weight decay.
 * @throws UserError where a pattern matches nothing that is left
 */
export function parameterGroups(
  model: Module,
  specs: readonly GroupSpec[],
  exemptNormBias: boolean,
): ParameterGroupOptions[] {
  const exempt = exemptNormBias ? normsAndBiases(model) : new Set<Parameter>();
  return model.parameterGroups<Omit<GroupSpec, 'pattern'>>(specs).flatMap(({ parameters, lr, weightDecay }) => {
    const options = { ...(lr !== undefined && { lr }), ...(weightDecay !== undefined && { weightDecay }) };
    return [
      { ...options, parameters: parameters.filter(parameter => !exempt.has(parameter)) },
      { ...options, weightDecay: 0, parameters: parameters.filter(parameter => exempt.has(parameter)) },
    ].filter(group => group.parameters.length > 0);
  });
}

/** Weights of normalisation layers, and all biases. */
export function normsAndBiases(model: Module): Set<Parameter> {
  const found = new Set<Parameter>();
  for (const [, module] of model.namedModules()) {
    for (const [name, parameter] of module.ownParameters()) {
      if (name === 'bias' || module instanceof BatchNorm) found.add(parameter);
    }
  }
  return found;
}
