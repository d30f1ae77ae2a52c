import { capital, percent } from './words.js';

export interface BarsProps {
  readonly classes: readonly string[];
  readonly colours: readonly string[];
  /** Undefined while nothing was answered. */
  readonly probabilities: readonly number[] | undefined;
  readonly top: number | undefined;
  /** Of what. */
  readonly label: string;
}

/** The probability of each class, in the network's order, so that a class keeps its place. */
export function Bars({ classes, colours, probabilities, top, label }: BarsProps) {
  return (
    <ol class="bars" aria-label={label}>
      {classes.map((name, k) => {
        const share = probabilities?.[k];
        return (
          <li key={name} class={k === top ? 'bar bar-top' : 'bar'}>
            <span class="bar-name">{capital(name)}</span>
            <span class="bar-track" aria-hidden="true">
              <span class="bar-fill" style={{ width: `${100 * (share ?? 0)}%`, background: colours[k] ?? '' }} />
            </span>
            <span class="bar-value">{share === undefined ? '–' : percent(share)}</span>
          </li>
        );
      })}
    </ol>
  );
}
