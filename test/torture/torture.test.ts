import { beforeAll, describe, expect, it } from 'vitest';
import { cases } from './cases/index.js';
import { drive } from './drive.js';
import { Stand } from './stand.js';

/** The short form of `npm run torture`. */
describe('what docs/reliability.md promises', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.create();
    return () => stand.remove();
  });

  it.each(cases)(
    '$name: $promise',
    async one => {
      for await (const { broken, round } of drive(one, stand, { seed: 1, amount: one.short })) {
        expect(broken, `round ${round}`).toBeUndefined();
      }
    },
    600_000,
  );
});
