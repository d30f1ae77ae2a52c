import type { Module } from './module.js';
import { summarize } from './summary.js';

/** Number of learned values. */
export function countParameters(model: Module): number {
  return model.parameters().reduce((total, parameter) => total + parameter.size, 0);
}

/**
 * Multiply-accumulates of one image's forward pass: those of convolutions and linear layers, as is the custom of the field.
 * `input` is (C,H,W).
 */
export function countMacs(model: Module, input: readonly [number, number, number]): number {
  return summarize(model, input).total.macs;
}
