import { expectedOf } from './expected.js';
import { integers, OPERAND } from './inputs.js';
import type { Precision } from '../gpu/matrices.js';
import type { KernelWork } from './work.js';

/** Named tensors on the host, in PyTorch's order. */
export type Results = Readonly<Record<string, Float32Array>>;

/** A contestant computes something else than it should. */
export class WrongResult extends Error {
  override readonly name = 'WrongResult';
}

/** Elements of each result that are looked at. */
const PROBES = 48;
/** In units of a typical element: long sums in float32, in whatever order, stay well below; a wrong term does not. */
const TOLERANCE = 5e-4;
/** An f16 has 13 bits fewer than an f32: sums of many products of rounded operands come to about a thousandth. */
const AMP_FACTOR = 10;

function factorOf(precision: Precision): number {
  return precision === 'amp' ? AMP_FACTOR : 1;
}

/**
 * Compares a kernel's results with float64.
 * @throws WrongResult that names the element
 */
export function checkKernel(work: KernelWork, results: Results, precision: Precision = 'f32'): void {
  const tolerance = TOLERANCE * factorOf(precision);
  for (const [name, { size, scale, at }] of Object.entries(expectedOf(work))) {
    const given = results[name];
    if (given?.length !== size) {
      throw new WrongResult(`${name} has ${given?.length ?? 'no'} elements, not ${size}`);
    }
    const probes = size <= PROBES ? given.keys() : [0, size - 1, ...integers(OPERAND.probe, PROBES, size)];
    for (const index of probes) {
      const expected = at(index);
      // Written so that NaN is wrong.
      if (!(Math.abs(given[index]! - expected) <= tolerance * Math.max(scale, 1e-6))) {
        throw new WrongResult(`${name}[${index}] is ${given[index]!}, expected ${expected}`);
      }
    }
  }
}

/** What networks may differ by from one implementation to another; logits relative to the largest of them. */
const NETWORK_TOLERANCE: Readonly<Record<string, number>> = { logits: 2e-3, loss: 1e-3, 'loss after a step': 2e-2 };

/**
 * Compares a network's results with those of another implementation on the same weights and images.
 * @throws WrongResult that names the value
 */
export function checkNetwork(given: Results, expected: Results, precision: Precision = 'f32'): void {
  for (const [name, values] of Object.entries(expected)) {
    const mine = given[name];
    if (mine?.length !== values.length) {
      throw new WrongResult(`${name} has ${mine?.length ?? 'no'} elements, not ${values.length}`);
    }
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const tolerance = NETWORK_TOLERANCE[name]! * scale * factorOf(precision);
    values.forEach((value, i) => {
      if (!(Math.abs(mine[i]! - value) <= tolerance)) {
        throw new WrongResult(`${name}[${i}] is ${mine[i]!}, facegrad has ${value}`);
      }
    });
  }
}
