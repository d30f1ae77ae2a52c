/**
 * Probability that Student's t of `df` degrees of freedom, a whole number, lies between -t and t: Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
 */
export function studentTWithin(t: number, df: number): number {
  const angle = Math.atan(t / Math.sqrt(df));
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = df % 2 === 1;
  // The sum 1 + 1/2 cos² + (1·3)/(2·4) cos⁴ + …, or cos + 2/3 cos³ + (2·4)/(3·5) cos⁵ + … where df is odd.
  let term = odd ? cos : 1;
  let total = odd && df === 1 ? 0 : term;
  for (let n = odd ? 3 : 2; n <= df - 2; n += 2) {
    term *= (cos * cos * (n - 1)) / n;
    total += term;
  }
  return odd ? ((angle + sin * total) * 2) / Math.PI : sin * total;
}

/** The t that Student's t of `df` degrees of freedom does not leave, on either side, with probability `within`. */
export function studentTQuantile(within: number, df: number): number {
  let [low, high] = [0, 1];
  while (studentTWithin(high, df) < within) high *= 2;
  // Until no number lies between both.
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return high;
    if (studentTWithin(middle, df) < within) low = middle;
    else high = middle;
  }
}
