import { TOKEN_FRAGMENT } from '../../src/serve/api.js';
import type { Session, SessionState } from '../session.js';
import { WarningIcon } from './icons.js';
import { sentence } from './words.js';

/** The server could not be asked for its models: why, and what to do. */
export function ServerFault({ fault, session }: { fault: NonNullable<SessionState['fault']>; session: Session }) {
  if (fault.needsToken) {
    return (
      <form
        class="banner banner-bad"
        onSubmit={event => {
          event.preventDefault();
          const field = event.currentTarget.elements.namedItem('token') as HTMLInputElement;
          // The whole address will do too.
          const given = field.value.trim();
          const at = given.indexOf(TOKEN_FRAGMENT);
          const token = at < 0 ? encodeURIComponent(given) : given.slice(at + TOKEN_FRAGMENT.length);
          window.location.hash = TOKEN_FRAGMENT + token;
        }}
      >
        <WarningIcon />
        <div>
          <p role="alert">
            <strong>This server wants a token.</strong> Open the address that facegrad serve printed, with all that
            follows the #, or enter the token here.
          </p>
          <div class="row">
            <label class="field field-inline">
              <span>Token</span>
              <input name="token" type="password" required autoComplete="off" spellcheck={false} />
            </label>
            <button class="button button-main">Use it</button>
          </div>
        </div>
      </form>
    );
  }
  return (
    <div class="banner banner-bad" role="alert">
      <WarningIcon />
      <div>
        <p>
          <strong>No models could be loaded.</strong> {sentence(fault.text)}
        </p>
        <button
          type="button"
          class="button"
          onClick={() => {
            void session.retry();
          }}
        >
          Try again
        </button>
      </div>
    </div>
  );
}
