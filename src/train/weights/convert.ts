import { castFloat, isFloat, type FloatDtype } from '../../interop/cast.js';
import type { HostTensor } from '../../interop/safetensors.js';
import { UserError } from '../../util/errors.js';
import { isTrainingState } from '../checkpoint.js';
import { kindOf, writeFileAtomic } from '../files.js';
import { encodeTensorFile } from '../tensor-file.js';
import { readWeightsFile, type WeightsFile } from './read.js';

/** How `convertWeights` writes. */
export interface ConvertOptions {
  /** The type to round weights to; without one each keeps its own. Integers stay what they are. */
  readonly dtype?: FloatDtype | undefined;
  /** Whether a file at `to` is replaced. */
  readonly force?: boolean | undefined;
}

/** What `convertWeights` has written. */
export interface Conversion {
  readonly from: string;
  readonly format: WeightsFile['format'];
  readonly to: string;
  readonly tensors: number;
  /** Values in all tensors. */
  readonly values: number;
  /** Of the new file. */
  readonly bytes: number;
}

const ENDING = '.safetensors';

/**
 * Writes the weights of `from`, in any format that is read, to a safetensors file: with the same names and shapes, without
 * the state of a training checkpoint, and with what a file of facegrad says of itself.
 * @throws UserError where `from` cannot be read, `to` is there already or a value does not fit into the new type
 */
export async function convertWeights(from: string, to: string, options: ConvertOptions = {}): Promise<Conversion> {
  const { dtype, force = false } = options;
  if (!to.endsWith(ENDING))
    throw new UserError(`${to}: facegrad writes safetensors; give it a name that ends in ${ENDING}`);
  if (!force && (await kindOf(to)) !== undefined) throw new UserError(`${to} is there already; --force replaces it`);
  const { format, tensors, metadata } = await readWeightsFile(from);
  const weights = [...tensors].filter(([name]) => !isTrainingState(name));
  const converted = new Map(
    weights.map(([name, tensor]) => [name, dtype === undefined ? tensor : cast(name, tensor, dtype, from)]),
  );
  // Hugging Face's transformers load only files that name the library whose layout their tensors have.
  const bytes = encodeTensorFile({ tensors: converted, metadata: { format: 'pt', ...withoutTraining(metadata) } });
  await writeFileAtomic(to, bytes);
  const values = weights.reduce((sum, [, { data }]) => sum + data.length, 0);
  return { from, format, to, tensors: converted.size, values, bytes: bytes.length };
}

/** What a checkpoint says of optimiser and position does not hold for weights alone. */
function withoutTraining(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== 'training'));
}

function cast(name: string, tensor: HostTensor, dtype: FloatDtype, from: string): HostTensor {
  if (!isFloat(tensor)) return tensor;
  try {
    return castFloat(tensor, dtype);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${from}: ${name}: ${error.message}`);
    throw error;
  }
}
