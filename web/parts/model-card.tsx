import type { ModelInfo } from '../../src/serve/api.js';
import type { Readiness } from '../session.js';
import { bytesInWords, capital, counted, percent, sentence } from './words.js';

export interface ModelCardProps {
  readonly models: readonly ModelInfo[];
  readonly chosen: ModelInfo;
  readonly readiness: Readiness;
  readonly onChoose: (id: string) => void;
  readonly onRetry: () => void;
}

const SPLITS = { val: 'validation', test: 'test' } as const;

/** The choice of a network, and what is known of the chosen one. */
export function ModelCard({ models, chosen, readiness, onChoose, onRetry }: ModelCardProps) {
  const { model, dataset, accuracy, parameters, bytes, image, recall } = chosen;
  return (
    <section class="card" aria-labelledby="model-title">
      <h2 id="model-title">Model</h2>
      <label class="field">
        <span class="visually-hidden">Model</span>
        <select
          value={chosen.id}
          onChange={event => {
            onChoose(event.currentTarget.value);
          }}
        >
          {models.map(({ id, name, model: architecture, accuracy: own }) => (
            <option key={id} value={id}>
              {name}
              {architecture === name ? '' : ` · ${architecture}`}
              {own ? ` · ${percent(own.value)}` : ''}
            </option>
          ))}
        </select>
      </label>
      <ReadinessLine readiness={readiness} onRetry={onRetry} />
      <dl class="facts">
        <dt>Network</dt>
        <dd>
          {model}, {counted(parameters, 'parameter')}
        </dd>
        <dt>Data set</dt>
        <dd>{dataset ?? 'not known'}</dd>
        <dt>Accuracy</dt>
        <dd>{accuracy ? `${percent(accuracy.value)} of ${SPLITS[accuracy.split]} images` : 'not known'}</dd>
        <dt>Size</dt>
        <dd>{bytesInWords(bytes)}</dd>
        <dt>Sees</dt>
        <dd>
          {image.size} × {image.size} pixels, {image.channels === 1 ? 'grey' : 'colour'}
          {image.equalize ? ', equalised' : ''}
        </dd>
      </dl>
      <h3 id="recall-title">Recall of each class</h3>
      {recall && accuracy ? (
        <>
          <p class="hint">Of {SPLITS[accuracy.split]} images of each expression, how many this model recognises:</p>
          <ol class="bars bars-plain" aria-labelledby="recall-title">
            {Object.entries(recall).map(([name, share]) => (
              <li key={name} class="bar">
                <span class="bar-name">{capital(name)}</span>
                <span class="bar-track" aria-hidden="true">
                  <span class="bar-fill" style={{ width: `${100 * (share ?? 0)}%` }} />
                </span>
                <span class="bar-value">{share === null ? 'none there' : percent(share, 0)}</span>
              </li>
            ))}
          </ol>
        </>
      ) : (
        <p class="hint">
          Not known for these weights; <code>facegrad eval</code> measures it.
        </p>
      )}
    </section>
  );
}

function ReadinessLine({ readiness, onRetry }: { readiness: Readiness; onRetry: () => void }) {
  switch (readiness.kind) {
    case 'waiting':
      return <Progress text="Starting…" />;
    case 'loading': {
      const { loading } = readiness;
      return loading.phase === 'weights' ? (
        <Progress text="Fetching the weights…" fraction={loading.fraction} />
      ) : (
        <Progress text="Compiling shaders…" />
      );
    }
    case 'failed':
      return (
        <div class="problem" role="alert">
          <p>{sentence(readiness.why)}</p>
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      );
    case 'ready':
      return null;
  }
}

export function Progress({ text, fraction }: { text: string; fraction?: number }) {
  return (
    <div class="progress">
      <span>{text}</span>
      <progress aria-label={text} {...(fraction === undefined ? {} : { value: fraction })} />
    </div>
  );
}
