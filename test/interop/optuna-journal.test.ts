import { describe, expect, it } from 'vitest';
import {
  decodeDistribution,
  decodeLogs,
  encodeDistribution,
  encodeLogs,
  OPERATION,
  type JournalLog,
} from '../../src/interop/optuna-journal.js';
import { JournalReplay, parametersOf } from '../../src/interop/optuna-replay.js';

// Written by Optuna 5.0: a study with a trial that was pruned, one that was queued, one that reported NaN.
const OPTUNA = `{"op_code":0,"worker_id":"a-1","study_name":"s","directions":[2]}
{"op_code":3,"worker_id":"a-1","study_id":0,"system_attr":{"k":[1,2]}}
{"op_code":4,"worker_id":"a-1","study_id":0,"datetime_start":"2026-11-20T20:00:00.000001+00:00"}
{"op_code":5,"worker_id":"a-1","trial_id":0,"param_name":"lr","param_value_internal":1e-05,"distribution":"{\\"name\\": \\"FloatDistribution\\", \\"attributes\\": {\\"step\\": null, \\"low\\": 1e-05, \\"high\\": 0.01, \\"log\\": true}}"}
{"op_code":5,"worker_id":"a-1","trial_id":0,"param_name":"opt","param_value_internal":1,"distribution":"{\\"name\\": \\"CategoricalDistribution\\", \\"attributes\\": {\\"choices\\": [\\"adam\\", null]}}"}
{"op_code":7,"worker_id":"a-1","trial_id":0,"step":1,"intermediate_value":NaN}
{"op_code":7,"worker_id":"a-1","trial_id":0,"step":2,"intermediate_value":-Infinity}
{"op_code":9,"worker_id":"a-1","trial_id":0,"system_attr":{"completed_rung_0":0.25}}
{"op_code":6,"worker_id":"a-1","trial_id":0,"state":2,"values":[0.5],"datetime_complete":"2026-11-20T20:00:01.000001+00:00"}
{"op_code":4,"worker_id":"a-1","study_id":0,"datetime_start":null,"state":4,"value":null,"values":null,"distributions":{},"params":{},"user_attrs":{"note":"NaN, said he"},"system_attrs":{"fixed_params":{"lr":0.001}},"intermediate_values":{}}
{"op_code":10,"worker_id":"a-1","trial_ids":[0]}
`;

function replayed(text: string): JournalReplay {
  const replay = new JournalReplay();
  for (const log of decodeLogs(text, 'journal.log').logs) replay.apply(log);
  return replay;
}

const log = (op_code: number, fields: object, worker_id = 'w'): JournalLog => ({ op_code, worker_id, ...fields });

describe("Optuna's journal", () => {
  it('is replayed as Optuna replays it', () => {
    const [study] = replayed(OPTUNA).studies;
    expect(study).toMatchObject({ id: 0, name: 's', directions: ['maximize'] });
    expect(study?.systemAttrs.get('k')).toEqual([1, 2]);
    const [pruned, queued] = study!.trials;
    expect(pruned).toMatchObject({ number: 0, state: 'pruned', value: 0.5, worker: 'a-1' });
    expect(parametersOf(pruned!)).toEqual(
      new Map<string, unknown>([
        ['lr', 1e-5],
        ['opt', null],
      ]),
    );
    expect([...pruned!.intermediate]).toEqual([
      [1, NaN],
      [2, -Infinity],
    ]);
    expect(pruned?.systemAttrs.get('completed_rung_0')).toBe(0.25);
    expect(queued).toMatchObject({ number: 1, state: 'waiting', value: undefined, started: undefined });
    expect(queued?.systemAttrs.get('fixed_params')).toEqual({ lr: 0.001 });
    expect(queued?.userAttrs.get('note')).toBe('NaN, said he');
  });

  it('is written as compact lines, and read back', () => {
    const logs = [log(0, { study_name: 'größe', directions: [1] }), log(4, { study_id: 0, datetime_start: 'now' })];
    const text = encodeLogs(logs);
    expect(text.split('\n')[0]).toBe('{"op_code":0,"worker_id":"w","study_name":"größe","directions":[1]}');
    expect(decodeLogs(text, 'journal.log')).toEqual({ logs, rest: 0 });
    expect(() => encodeLogs([log(7, { trial_id: 0, step: 1, intermediate_value: NaN })])).toThrow('intermediate_value');
  });

  it('leaves out the half of a line at the end, and names a line that is no entry', () => {
    const text = encodeLogs([log(0, { study_name: 's', directions: [1] })]);
    expect(decodeLogs(`${text}{"op_co`, 'j').logs).toHaveLength(1);
    expect(decodeLogs(`${text}{"op_co`, 'j').rest).toBe(7);
    expect(() => decodeLogs(`${text}{"op_co\n`, 'j')).toThrow('j, line 2: this is no entry of an Optuna journal');
    expect(() => decodeLogs('{"op_code":0}\n', 'j', 7)).toThrow('j, line 7: an entry of an Optuna journal has');
  });

  it('lets the first of two workers have a trial, and a finished trial change no more', () => {
    const replay = new JournalReplay();
    const start = { trial_id: 0, state: 0, values: null, datetime_start: 't' };
    for (const one of [
      log(0, { study_name: 's', directions: [1] }),
      log(0, { study_name: 's', directions: [2] }, 'v'),
      log(4, { study_id: 0, datetime_start: 'then' }),
      log(6, start, 'v'),
    ]) {
      replay.apply(one);
    }
    const [trial] = replay.study('s')!.trials;
    expect(replay.studies).toHaveLength(1);
    expect(trial?.worker).toBe('w');
    replay.apply(log(6, { trial_id: 0, state: 4, values: null }, 'v'));
    replay.apply(log(6, start, 'v'));
    expect(trial).toMatchObject({ worker: 'v', state: 'running', started: 't' });
    replay.apply(log(6, { trial_id: 0, state: 1, values: [0.5], datetime_complete: 'later' }, 'v'));
    replay.apply(log(6, { trial_id: 0, state: 3, values: null, datetime_complete: 'never' }, 'w'));
    replay.apply(log(OPERATION.setTrialIntermediateValue, { trial_id: 0, step: 9, intermediate_value: 1 }));
    expect(trial).toMatchObject({ state: 'complete', value: 0.5, completed: 'later' });
    expect(trial?.intermediate.size).toBe(0);
  });

  it('keeps the ids of studies that were deleted', () => {
    const replay = new JournalReplay();
    for (const name of ['a', 'b']) replay.apply(log(0, { study_name: name, directions: [1] }));
    replay.apply(log(4, { study_id: 0, datetime_start: 't' }));
    replay.apply(log(1, { study_id: 0 }));
    replay.apply(log(4, { study_id: 0, datetime_start: 't' }));
    replay.apply(log(4, { study_id: 1, datetime_start: 't' }));
    expect(replay.studies.map(({ name }) => name)).toEqual(['b']);
    expect(replay.study('b')?.trials.map(({ id, number }) => [id, number])).toEqual([[1, 0]]);
    expect([replay.nextStudyId, replay.nextTrialId]).toEqual([2, 2]);
  });

  it('holds distributions as JSON texts, those of earlier versions too', () => {
    const lr = '{"name":"FloatDistribution","attributes":{"step":null,"low":0.00001,"high":0.01,"log":true}}';
    expect(encodeDistribution(decodeDistribution(lr))).toBe(lr);
    expect(decodeDistribution('{"name":"LogUniformDistribution","attributes":{"low":1e-05,"high":1}}')).toEqual({
      name: 'FloatDistribution',
      attributes: { step: null, low: 1e-5, high: 1, log: true },
    });
    expect(decodeDistribution('{"name":"IntUniformDistribution","attributes":{"low":1,"high":9,"step":2}}')).toEqual({
      name: 'IntDistribution',
      attributes: { log: false, step: 2, low: 1, high: 9 },
    });
    expect(() => decodeDistribution('{"name":"Gaussian"}')).toThrow('not known');
  });
});
