import type { Module } from '../../nn/index.js';
import { backward, isGradEnabled, scope, type Tensor } from '../../tensor/index.js';
import { activationMap, normaliseMap, resizeMap, type CamMethod } from './cam.js';
import type { SpatialLayer } from './layers.js';
import { explained, oneHot, type ExplainedBatch } from './target.js';

/** Maps of images x (N,C,H,W) from the activations of a layer; no parameter may require a gradient. */
export async function gradCam(
  model: Module,
  x: Tensor,
  layer: SpatialLayer,
  method: CamMethod,
  given: Uint8Array | undefined,
): Promise<ExplainedBatch> {
  let activations: Tensor | undefined;
  const unhook = model.get(layer.name).registerForwardHook((_module, _input, output) => {
    if (!isGradEnabled()) return;
    // The first of what is recorded, since nothing before it needs a gradient.
    output.requiresGrad = true;
    activations = output.keep();
  });
  try {
    const classes = await explained(model, x, given);
    scope(() => {
      const logits = model.forward(x);
      backward(logits, oneHot(classes.classes, logits));
    });
    const gradient = activations!.grad!;
    const [a, g] = [await activations!.data(), await gradient.data()];
    gradient.dispose();
    const [count, , height, width] = x.shape as [number, number, number, number];
    const size = a.length / count;
    const maps = new Float32Array(count * height * width);
    for (let n = 0; n < count; n++) {
      const of = (values: Float32Array) => values.subarray(n * size, (n + 1) * size);
      const map = activationMap(method, of(a), of(g), layer.channels);
      maps.set(normaliseMap(resizeMap(map, [layer.height, layer.width], [height, width])), n * height * width);
    }
    return { maps, ...classes };
  } finally {
    unhook();
    activations?.dispose();
  }
}
