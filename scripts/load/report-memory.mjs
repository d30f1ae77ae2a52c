// Loaded into a server before it starts (`node --import`): at SIGUSR2 all garbage is collected, and what is left in memory
// is written to the file that FACEGRAD_MEMORY_FILE names. V8 collects when it likes, so that without this a leak of a
// few megabytes cannot be told from garbage.
import { renameSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = /** @type {() => void} */ (runInNewContext('gc'));
const file = process.env.FACEGRAD_MEMORY_FILE ?? '';

process.on('SIGUSR2', () => {
  collect();
  // Once more for what the first time has let go of: finalisers run in between.
  setImmediate(() => {
    collect();
    writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
    renameSync(`${file}.new`, file);
  });
});
