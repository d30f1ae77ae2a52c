import { describe, expect, it } from 'vitest';
import { applyLabelRule, classesOfRule, type LabelRule } from '../../../src/data/labels/ferplus.js';

//                       neu hap sur sad ang dis fea con unk NF
const CASES: [string, number[], Partial<Record<LabelRule, number | undefined>>][] = [
  ['a clear majority', [0, 8, 1, 0, 1, 0, 0, 0, 0, 0], { majority: 1, argmax8: 1, argmax10: 1 }],
  ['a majority only without single votes', [5, 1, 1, 1, 1, 0, 0, 0, 1, 0], { majority: 0, argmax8: 0, argmax10: 0 }],
  ['half of the votes', [5, 5, 0, 0, 0, 0, 0, 0, 0, 0], { majority: undefined, argmax8: 0, argmax10: 0 }],
  ['exactly half of what is left', [4, 2, 2, 0, 1, 1, 0, 0, 0, 0], { majority: undefined, argmax8: 0, argmax10: 0 }],
  ['single votes alone', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], { majority: undefined, argmax8: 0, argmax10: 0 }],
  ['a tie, which the first wins', [0, 0, 4, 0, 0, 0, 4, 0, 2, 0], { majority: undefined, argmax8: 2, argmax10: 2 }],
  ['a tie with unknown', [0, 0, 0, 0, 5, 0, 0, 0, 5, 0], { majority: undefined, argmax8: 4, argmax10: 4 }],
  ['unknown', [0, 0, 1, 0, 0, 0, 1, 0, 8, 0], { majority: undefined, argmax8: undefined, argmax10: 8 }],
  ['no face', [0, 0, 0, 0, 0, 0, 0, 0, 0, 10], { majority: undefined, argmax8: undefined, argmax10: 9 }],
  ['contempt', [2, 0, 0, 0, 0, 0, 0, 8, 0, 0], { majority: 7, argmax8: 7, argmax10: 7 }],
  ['no votes', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], { majority: undefined, argmax8: undefined, argmax10: undefined }],
];

describe('applyLabelRule', () => {
  it.each(CASES)('labels %s', (_, votes, expected) => {
    for (const rule of ['majority', 'argmax8', 'argmax10'] as const) {
      expect(applyLabelRule(rule, votes)?.label, rule).toBe(expected[rule]);
    }
    for (const rule of ['distribution', 'sampled'] as const) {
      expect(applyLabelRule(rule, votes)?.label, rule).toBe(expected.argmax8);
    }
  });

  it('takes the shares of the eight expressions for a distribution', () => {
    const votes = [4, 0, 0, 1, 3, 0, 0, 0, 2, 0];
    const expected = [0.5, 0, 0, 0.125, 0.375, 0, 0, 0];
    expect(applyLabelRule('distribution', votes)).toEqual({ label: 0, target: expected });
    expect(applyLabelRule('sampled', votes)).toEqual({ label: 0, target: expected });
    expect(applyLabelRule('argmax8', votes)).toEqual({ label: 0 });
  });

  it('tells eight classes apart, or ten', () => {
    expect(classesOfRule('majority')).toHaveLength(8);
    expect(classesOfRule('sampled').at(-1)).toBe('contempt');
    expect(classesOfRule('argmax10').slice(8)).toEqual(['unknown', 'NF']);
  });
});
