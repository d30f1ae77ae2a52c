/** Standard deviation of bytes, in grey levels. Sums are exact integers below 2^53. */
export function deviation(values: Uint8Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  // n Σx² - (Σx)² is an integer: no cancellation where the image is all but constant.
  return Math.sqrt(values.length * squares - sum * sum) / values.length;
}

/** Pearson's correlation of two images of bytes; 0 where one of them is constant. */
export function correlation(a: Uint8Array, b: Uint8Array): number {
  const n = a.length;
  let sumA = 0;
  let sumB = 0;
  let squaresA = 0;
  let squaresB = 0;
  let products = 0;
  for (let i = 0; i < n; i++) {
    const x = a[i]!;
    const y = b[i]!;
    sumA += x;
    sumB += y;
    squaresA += x * x;
    squaresB += y * y;
    products += x * y;
  }
  const spread = Math.sqrt(n * squaresA - sumA * sumA) * Math.sqrt(n * squaresB - sumB * sumB);
  return spread === 0 ? 0 : (n * products - sumA * sumB) / spread;
}
