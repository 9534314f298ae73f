/** Which prompts are profiled, choose and judge, and at which lengths. */
import assert from 'node:assert/strict';
import { byOwnLength, wantedLengths } from '../../../../../diagnostics/plans/moa/calibration';
import { gridOf, lengthsOf, parameters, type MoaParameters } from '../../../../../diagnostics/plans/moa/parameters';
import type { Sample } from '../../../../../diagnostics/tasks/task';

const usual = Object.fromEntries(Object.entries(parameters).map(([name, one]) => [name, one.default])) as MoaParameters;

const facts = (contextLength?: number) =>
  ({ summary: contextLength === undefined ? {} : { contextLength } }) as Parameters<typeof wantedLengths>[0];

const sampleOf = (length: number): Sample => ({
  prompt: { text: '', ids: new Array<number>(length).fill(0) },
  answers: { right: [1], wrong: [], rest: [], texts: { right: [''], wrong: [] } },
  roles: {},
  facts: {},
});

describe('lengths of moa', () => {
  it('are up to 512 tokens, or to half of the context, with a longer one to choose and one to judge at', () => {
    assert.deepEqual(wantedLengths(facts(), usual), { profiled: [128, 256, 512], validation: 768, further: [1024] });
    assert.deepEqual(wantedLengths(facts(300), usual), { profiled: [32, 64, 128], validation: 192, further: [256] });
    assert.deepEqual(wantedLengths(facts(1000), { ...usual, lengths: '400, 200', validation: 500 }), {
      profiled: [200, 400],
      validation: 500,
      further: [800],
    });
  });

  it('that do not fit the context, or are none, are refused with a sentence', () => {
    assert.throws(
      () => wantedLengths(facts(512), { ...usual, lengths: '400' }),
      /Prompts of 600 tokens .* longer than the 512/,
    );
    assert.throws(() => wantedLengths(facts(), { ...usual, lengths: '12,x' }), /separated by commas/);
    assert.equal(lengthsOf('0'), undefined);
  });

  it('of prompts as they are: three parts are profiled, the longest quarter chooses and judges', () => {
    const sets = byOwnLength([30, 10, 20, 40, 50, 60, 70, 80].map(sampleOf));
    assert.deepEqual(
      sets.profiled.map(({ length, samples }) => [length, samples.length]),
      [
        [20, 2],
        [40, 2],
        [60, 2],
      ],
    );
    assert.deepEqual([sets.validation.length, sets.validation.samples.length], [80, 1]);
    assert.deepEqual(
      sets.judged.map(({ samples }) => samples.map(({ prompt }) => prompt.ids.length)),
      [[80]],
    );
    // Parts of one length are one; no prompt is in two sets.
    assert.deepEqual(
      byOwnLength([10, 10, 10, 10, 20].map(sampleOf)).profiled.map(({ length, samples }) => [length, samples.length]),
      [[10, 3]],
    );
    assert.throws(() => byOwnLength([10, 20, 30, 40].map(sampleOf)), /There are 4 prompts/);
  });

  it('set the block and the step of alpha', () => {
    assert.deepEqual(gridOf(usual, [2048, 4096, 8192]), { block: 64, step: 1024 });
    assert.deepEqual(gridOf(usual, [128, 256, 512]), { block: 8, step: 64 });
    assert.deepEqual(gridOf(usual, [16]), { block: 4, step: 4 });
    assert.deepEqual(gridOf({ block: 10, step: 7 }, [16]), { block: 10, step: 7 });
  });
});
