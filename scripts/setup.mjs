// Makes a checkout ready to run: see `node scripts/setup.mjs --help`. Plain Node without a dependency, because it is what
// installs them; the version is looked at before anything is imported that an old Node would not parse.
import { checkNodeVersion } from './setup/node-version.mjs';

const { fault, warning } = checkNodeVersion(process.versions.node);
if (warning) console.error(`setup: ${warning}`);
if (fault) {
  console.error(`setup: ${fault}`);
  process.exitCode = 1;
} else {
  const { setUp } = await import('./setup/main.mjs');
  process.exitCode = setUp(process.argv.slice(2), process.env);
}
