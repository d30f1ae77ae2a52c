import { TOKEN_FRAGMENT } from '../../src/serve/api.js';

const KEY = 'facegrad.token';

/**
 * The token that stands in the page's address, which is then taken out of it, so that it is not in the history, on a screen or
 * in a bookmark; the tab keeps it for a reload.
 */
export function takeToken(): string | undefined {
  const { hash, pathname, search } = window.location;
  if (hash.startsWith(TOKEN_FRAGMENT)) {
    const token = decodeURIComponent(hash.slice(TOKEN_FRAGMENT.length));
    window.history.replaceState(null, '', pathname + search);
    sessionStorage.setItem(KEY, token);
    return token;
  }
  return sessionStorage.getItem(KEY) ?? undefined;
}
