/** The standard normal distribution, and the part of it that lies between two bounds. */

/** Probability below `x`, to about 1e-15 of itself, in the lower tail too. */
export function normalCdf(x: number): number {
  return x < 0 ? 0.5 * erfc(-x / Math.SQRT2) : 1 - 0.5 * erfc(x / Math.SQRT2);
}

/** Probability between `a` and `b`, a <= b; not cancelled where both lie far above 0. */
export function normalMass(a: number, b: number): number {
  return a > 0 ? normalCdf(-a) - normalCdf(-b) : normalCdf(b) - normalCdf(a);
}

/** Logarithm of the density. */
export function normalLogPdf(x: number): number {
  return -0.5 * x * x - 0.5 * Math.log(2 * Math.PI);
}

/** The value between `a` and `b` below which the share `q` of what lies between them is found, by bisection. */
export function truncatedNormalQuantile(q: number, a: number, b: number): number {
  // Above 0 the lower tail is the precise one, so the question is mirrored.
  if (a > 0) return -truncatedNormalQuantile(1 - q, -b, -a);
  const target = normalCdf(a) + q * normalMass(a, b);
  let [low, high] = [a, b];
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return middle;
    if (normalCdf(middle) < target) low = middle;
    else high = middle;
  }
}

/** From here on the continued fraction needs fewer terms than the series, and does not cancel. */
const SERIES_END = 2.5;

/** The complementary error function of x >= 0. */
function erfc(x: number): number {
  return x < SERIES_END ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf x = 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)); NIST, DLMF 7.6.2. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc x = e^(-x^2)/sqrt(pi) 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))), from within; NIST, DLMF 7.9.1. */
function erfcFraction(x: number): number {
  let fraction = x;
  for (let k = 100; k > 0; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}
