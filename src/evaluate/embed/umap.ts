import { UMAP } from 'umap-js';
import { RandomStream } from '../../util/random.js';
import { UserError } from '../../util/errors.js';

/** RandomStream's, for UMAP's draws. */
const STREAM = 222;

/**
 * UMAP in the plane (McInnes et al. 2018), by umap-js with its defaults: 15 neighbours, least distance 0.1.
 *
 * @param points (count,dimensions)
 * @returns (count,2)
 * @throws UserError where there are fewer than 16 points
 */
export function umap(
  points: ArrayLike<number>,
  count: number,
  dimensions: number,
  { seed = 0, onProgress }: { readonly seed?: number; readonly onProgress?: (fraction: number) => void } = {},
): Float64Array {
  if (count < 16) throw new UserError(`UMAP needs 16 points or more; there are ${count}`);
  const random = new RandomStream(seed, STREAM);
  const model = new UMAP({ random: () => random.uniform() });
  const rows = Array.from({ length: count }, (_, n) =>
    Array.from({ length: dimensions }, (_, d) => points[n * dimensions + d]!),
  );
  const epochs = model.initializeFit(rows);
  for (let i = 0; i < epochs; i++) {
    model.step();
    onProgress?.((i + 1) / epochs);
  }
  return Float64Array.from(model.getEmbedding().flat());
}
