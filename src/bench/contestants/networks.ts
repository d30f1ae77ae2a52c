/** What a convolution or pool needs besides its weights. */
export interface Window {
  readonly stride?: number;
  readonly padding?: number;
}

/**
 * The layers from which the peers' versions of the networks are put together. Weights, and with them channels and kernel
 * sizes, come from facegrad's state dict: `name` is the layer's name there.
 */
export interface NetworkBuilder<T> {
  conv(x: T, name: string, window?: Window): T;
  /** A filter for each channel. */
  depthwise(x: T, name: string, window?: Window): T;
  batchNorm(x: T, name: string): T;
  linear(x: T, name: string): T;
  relu(x: T): T;
  silu(x: T): T;
  sigmoid(x: T): T;
  maxPool(x: T, kernel: number, window?: Window): T;
  /** (N,C,H,W) to (N,C,1,1). */
  globalAvgPool(x: T): T;
  flatten(x: T): T;
  add(a: T, b: T): T;
  /** x (N,C,H,W) times a gate (N,C,1,1). */
  scale(x: T, gate: T): T;
  dropout(x: T, p: number): T;
  /** Leaves out whole images of a residual branch. */
  stochasticDepth(x: T, p: number): T;
}

type Network = <T>(b: NetworkBuilder<T>, x: T) => T;

const same: Window = { padding: 1 };

/** Convolution, batch normalisation and relu at `name`.`index` and the two places after it. */
function convBNReLU<T>(b: NetworkBuilder<T>, x: T, name: string, index: number): T {
  return b.relu(b.batchNorm(b.conv(x, `${name}.${index}`, same), `${name}.${index + 1}`));
}

function basicBlock<T>(b: NetworkBuilder<T>, x: T, name: string, stride: number, projects: boolean): T {
  const identity = projects ? b.batchNorm(b.conv(x, `${name}.downsample.0`, { stride }), `${name}.downsample.1`) : x;
  let y = b.relu(b.batchNorm(b.conv(x, `${name}.conv1`, { stride, padding: 1 }), `${name}.bn1`));
  y = b.batchNorm(b.conv(y, `${name}.conv2`, same), `${name}.bn2`);
  return b.relu(b.add(y, identity));
}

const simpleCNN: Network = (b, x) => {
  for (const i of [0, 3, 6]) x = b.maxPool(b.relu(b.conv(x, `features.${i}`, same)), 2);
  return b.linear(b.relu(b.linear(b.flatten(x), 'classifier.1')), 'classifier.3');
};

const improvedCNN: Network = (b, x) => {
  x = b.maxPool(convBNReLU(b, convBNReLU(b, x, 'features', 0), 'features', 3), 2);
  x = b.maxPool(convBNReLU(b, convBNReLU(b, x, 'features', 7), 'features', 10), 2);
  x = b.flatten(b.maxPool(convBNReLU(b, x, 'features', 14), 2));
  x = b.relu(b.linear(b.dropout(x, 0.5), 'classifier.2'));
  return b.linear(b.dropout(x, 0.5), 'classifier.5');
};

const gapCNN: Network = (b, x) => {
  for (const i of [0, 4, 8]) x = b.maxPool(convBNReLU(b, x, 'features', i), 2);
  x = convBNReLU(b, x, 'features', 12);
  return b.linear(b.flatten(b.globalAvgPool(x)), 'classifier');
};

const miniResNet: Network = (b, x) => {
  x = b.relu(b.batchNorm(b.conv(x, 'stem.0', same), 'stem.1'));
  for (const stage of [1, 2, 3]) {
    x = basicBlock(b, basicBlock(b, x, `layer${stage}.0`, 2, true), `layer${stage}.1`, 1, false);
  }
  return b.linear(b.flatten(b.globalAvgPool(x)), 'fc');
};

const resNet18: Network = (b, x) => {
  x = b.relu(b.batchNorm(b.conv(x, 'conv1', { stride: 2, padding: 3 }), 'bn1'));
  x = b.maxPool(x, 3, { stride: 2, padding: 1 });
  for (const stage of [1, 2, 3, 4]) {
    x = basicBlock(b, x, `layer${stage}.0`, stage === 1 ? 1 : 2, stage > 1);
    x = basicBlock(b, x, `layer${stage}.1`, 1, false);
  }
  return b.linear(b.flatten(b.globalAvgPool(x)), 'fc');
};

/** Of EfficientNet-B0's seven stages: kernel, stride of the first block, blocks (Tan and Le, 2019, table 1). */
const EFFICIENTNET_STAGES = [
  [3, 1, 1],
  [3, 2, 2],
  [5, 2, 2],
  [3, 2, 3],
  [5, 1, 3],
  [5, 2, 4],
  [3, 1, 1],
] as const;
const EFFICIENTNET_BLOCKS = 16;

const efficientNetB0: Network = (b, x) => {
  const convBN = (x_: typeof x, name: string, window?: Window) =>
    b.batchNorm(b.conv(x_, `${name}.0`, window), `${name}.1`);
  x = b.silu(convBN(x, 'features.0', { stride: 2, padding: 1 }));
  let done = 0;
  EFFICIENTNET_STAGES.forEach(([kernel, first, blocks], s) => {
    for (let i = 0; i < blocks; i++) {
      const name = `features.${s + 1}.${i}.block`;
      const stride = i === 0 ? first : 1;
      // The first stage does not widen; the others have one layer more.
      const expands = s > 0;
      const at = expands ? 1 : 0;
      let y = expands ? b.silu(convBN(x, `${name}.0`)) : x;
      y = b.depthwise(y, `${name}.${at}.0`, { stride, padding: (kernel - 1) / 2 });
      y = b.silu(b.batchNorm(y, `${name}.${at}.1`));
      const squeezed = b.silu(b.conv(b.globalAvgPool(y), `${name}.${at + 1}.fc1`));
      y = b.scale(y, b.sigmoid(b.conv(squeezed, `${name}.${at + 1}.fc2`)));
      y = convBN(y, `${name}.${at + 2}`);
      x = i === 0 ? y : b.add(b.stochasticDepth(y, (0.2 * done) / EFFICIENTNET_BLOCKS), x);
      done++;
    }
  });
  x = b.silu(convBN(x, 'features.8'));
  return b.linear(b.dropout(b.flatten(b.globalAvgPool(x)), 0.2), 'classifier.1');
};

/** The networks that are timed, as the peers build them. */
export const networks: Readonly<Record<string, Network>> = {
  'simple-cnn': simpleCNN,
  'improved-cnn': improvedCNN,
  'gap-cnn': gapCNN,
  'mini-resnet': miniResNet,
  resnet18: resNet18,
  'efficientnet-b0': efficientNetB0,
};
