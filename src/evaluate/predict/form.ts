import { UserError } from '../../util/errors.js';
import { loadOptionsFor, normalisesAsImageNet, type Trained, type TrainedOverrides } from '../trained.js';
import type { ImageForm } from './subject.js';

/**
 * The form of the images that a network was trained on, as its weights say; where they do not, that in which data would be
 * loaded for it. It does not depend on the images that are asked about, so that a prediction never depends on its company.
 *
 * @throws {UserError} where nobody knows how images are normalised, or the network was trained on images of another kind
 */
export function formFor(
  trained: Trained,
  given: TrainedOverrides & { readonly imageSize?: number | undefined; readonly channels?: 1 | 3 | undefined } = {},
): ImageForm {
  const { images, known, file } = trained;
  const { inputSize, channels, equalize = false } = loadOptionsFor(trained, given);
  if (!known && !normalisesAsImageNet(trained, given) && (!given.mean || !given.std)) {
    throw new UserError(`${file} does not say how images are normalised: give --mean and --std`);
  }
  if (images && images.height !== images.width) {
    throw new UserError(
      `${file}: the network was trained on images of ${images.width}x${images.height} pixels; predict makes square ones`,
    );
  }
  const count = given.channels ?? images?.channels ?? channels ?? given.mean?.length ?? 3;
  if (count !== 1 && count !== 3) throw new UserError(`images have 1 or 3 channels, not ${count}`);
  return { size: given.imageSize ?? images?.height ?? inputSize!, channels: count, equalize };
}
