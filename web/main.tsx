import { render } from 'preact';
import { TOKEN_FRAGMENT } from '../src/serve/api.js';
import { App } from './app.js';
import { Live } from './camera/live.js';
import { Gallery } from './pictures/gallery.js';
import { takeToken } from './server/token.js';
import { Session } from './session.js';
import './styles.css';

const session = new Session(takeToken());
const gallery = new Gallery(session);
const live = new Live(session);

// Another address with a token, in a tab where the page is open already, is no new page.
window.addEventListener('hashchange', () => {
  if (!window.location.hash.startsWith(TOKEN_FRAGMENT)) return;
  takeToken();
  window.location.reload();
});

render(<App {...{ session, gallery, live }} />, document.getElementById('app')!);
void session.start();
