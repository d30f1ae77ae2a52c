import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { portOf } from './port.js';
import { Stand } from './stand.js';

// The process of one contestant: what it sets on `globalThis`, and how it may die, concerns nobody else.
expose(new Stand(), nodeEndpoint(portOf(process)));
process.on('disconnect', () => process.exit());
