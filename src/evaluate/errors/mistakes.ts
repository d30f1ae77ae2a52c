import type { Answers } from './answers.js';

/** Two classes of which one was taken for the other. */
export interface ConfusedPair {
  /** Class indices. */
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
  /** Of the images of class `truth`. */
  readonly share: number;
  /** Some of them, by falling confidence: indices into the split. */
  readonly images: readonly number[];
}

/** One image that was taken for something else. */
export interface Mistake {
  /** Index into the split. */
  readonly image: number;
  /** What the data set's source calls it, where that is known. */
  readonly name?: string;
  readonly truth: number;
  readonly predicted: number;
  /** Probability of the predicted class. */
  readonly confidence: number;
  /** Probability of the true class. */
  readonly truthProbability: number;
}

/** The pairs of classes that are confused most often, each with up to `examples` images; pairs without mistakes are left out. */
export function confusedPairs(answers: Answers, pairs: number, examples: number): ConfusedPair[] {
  const K = answers.classes.length;
  const found = new Map<number, number[]>();
  const support = new Array<number>(K).fill(0);
  for (const label of answers.labels) support[label]!++;
  for (const i of mistakesByConfidence(answers)) {
    const key = answers.labels[i]! * K + answers.predictions[i]!;
    const images = found.get(key);
    if (images) images.push(i);
    else found.set(key, [i]);
  }
  return [...found]
    .sort(([keyA, a], [keyB, b]) => b.length - a.length || keyA - keyB)
    .slice(0, pairs)
    .map(([key, images]) => {
      const truth = Math.floor(key / K);
      const count = images.length;
      return { truth, predicted: key % K, count, share: count / support[truth]!, images: images.slice(0, examples) };
    });
}

/** The mistakes that the network was surest of, the surest first. */
export function surestMistakes(answers: Answers, examples: number, names: readonly string[] | undefined): Mistake[] {
  const K = answers.classes.length;
  return mistakesByConfidence(answers)
    .slice(0, examples)
    .map(image => {
      const truth = answers.labels[image]!;
      return {
        image,
        ...(names ? { name: names[image]! } : {}),
        truth,
        predicted: answers.predictions[image]!,
        confidence: answers.confidence[image]!,
        truthProbability: answers.probabilities[image * K + truth]!,
      };
    });
}

/** By falling confidence, then by place. */
function mistakesByConfidence({ correct, confidence }: Answers): number[] {
  return Array.from(correct, (_, i) => i)
    .filter(i => correct[i] === 0)
    .sort((a, b) => confidence[b]! - confidence[a]! || a - b);
}
