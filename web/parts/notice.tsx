import type { ModelInfo } from '../../src/serve/api.js';
import { percent } from './words.js';

/** What the page's answers are, and are not. */
export function Notice({ model }: { model: ModelInfo | undefined }) {
  return (
    <section class="card notice" aria-labelledby="notice-title">
      <h2 id="notice-title">Before you rely on it</h2>
      <p>
        <strong>An apparent expression, not an inner state.</strong> What is told is how a face looks to somebody who
        labels pictures. It is not what a person feels.
      </p>
      <p>{weakest(model)}</p>
      <p>
        <strong>Banned at work and in education.</strong> The European Union’s AI Act (Regulation (EU) 2024/1689),
        Article 5(1)(f), bans systems that infer emotions of people there, except for medical or safety reasons.
        facegrad may not be used for that.
      </p>
    </section>
  );
}

function weakest(model: ModelInfo | undefined): string {
  const known = Object.entries(model?.recall ?? {}).filter((entry): entry is [string, number] => entry[1] !== null);
  const sorted = known.sort((a, b) => a[1] - b[1]);
  const [worst, best] = [sorted[0], sorted.at(-1)];
  if (!worst || !best || worst === best) {
    return 'Networks of this kind are wrong on about three of ten faces, more often for some expressions and some people than for others.';
  }
  return (
    `This model recognises ${percent(best[1], 0)} of the faces labelled ${best[0]}, but only ${percent(worst[1], 0)} of ` +
    `those labelled ${worst[0]}. It is wrong more often for some people than for others.`
  );
}
