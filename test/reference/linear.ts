import { input, zeros, type Reference, type RefTensor } from './tensor.js';

function product(a: RefTensor, b: RefTensor): RefTensor {
  const [M, K] = a.shape as [number, number];
  const N = b.shape[1]!;
  const y = zeros([M, N]);
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++)
      for (let k = 0; k < K; k++) y.data[m * N + n]! += a.data[m * K + k]! * b.data[k * N + n]!;
  return y;
}

function transpose(a: RefTensor): RefTensor {
  const [M, N] = a.shape as [number, number];
  const t = zeros([N, M]);
  for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) t.data[n * M + m] = a.data[m * N + n]!;
  return t;
}

/** a (M,K) times b (K,N). */
export const matmul: Reference = {
  name: 'matmul',
  forward: inputs => product(input(inputs, 'a'), input(inputs, 'b')),
  backward: (inputs, _, dy) => ({
    a: product(dy, transpose(input(inputs, 'b'))),
    b: product(transpose(input(inputs, 'a')), dy),
  }),
};

/** input (N,I), weight (O,I), bias (O) or none: input times transposed weight, plus bias. */
export const linear: Reference = {
  name: 'linear',
  forward(inputs) {
    const y = product(input(inputs, 'input'), transpose(input(inputs, 'weight')));
    const { bias } = inputs;
    if (bias) y.data.forEach((value, i) => (y.data[i] = value + bias.data[i % bias.data.length]!));
    return y;
  },
  backward(inputs, _, dy) {
    const dx = product(dy, input(inputs, 'weight'));
    const dw = product(transpose(dy), input(inputs, 'input'));
    if (!inputs.bias) return { input: dx, weight: dw };
    const db = zeros(inputs.bias.shape);
    dy.data.forEach((value, i) => (db.data[i % db.data.length]! += value));
    return { input: dx, weight: dw, bias: db };
  },
};
