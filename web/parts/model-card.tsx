import type { ModelInfo } from '../../src/serve/api.js';
import type { Readiness } from '../session.js';
import { bytesInWords, capital, counted, percent, sentence } from './words.js';

export interface ModelChoiceProps {
  readonly models: readonly ModelInfo[];
  readonly chosen: ModelInfo;
  readonly onChoose: (id: string) => void;
}

/** The choice of a network. */
export function ModelChoice({ models, chosen, onChoose }: ModelChoiceProps) {
  return (
    <label class="field field-inline model-choice">
      <span>Model</span>
      <select
        value={chosen.id}
        onChange={event => {
          onChoose(event.currentTarget.value);
        }}
      >
        {models.map(({ id, name, model, accuracy }) => (
          <option key={id} value={id}>
            {name}
            {model === name ? '' : ` · ${model}`}
            {accuracy ? ` · ${percent(accuracy.value)}` : ''}
          </option>
        ))}
      </select>
    </label>
  );
}

const SPLITS = { val: 'validation', test: 'test' } as const;

/** What is known of a network. */
export function ModelCard({ info }: { info: ModelInfo }) {
  const { name, model, dataset, accuracy, parameters, bytes, image, recall } = info;
  return (
    <section class="card" aria-labelledby="model-title">
      <h2 id="model-title">{name}</h2>
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

/** How far the chosen network is, unless it is ready. */
export function ReadinessLine({ readiness, onRetry }: { readiness: Readiness; onRetry: () => void }) {
  switch (readiness.kind) {
    case 'waiting':
      return <Progress text="Starting…" />;
    case 'loading': {
      const { loading } = readiness;
      return loading.phase === 'weights' ? (
        <Progress text="Fetching the model’s weights…" fraction={loading.fraction} />
      ) : (
        <Progress text="Compiling shaders…" />
      );
    }
    case 'failed':
      return (
        <div class="problem" role="alert">
          <p>
            <strong>The model could not be loaded.</strong> {sentence(readiness.why)}
          </p>
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
