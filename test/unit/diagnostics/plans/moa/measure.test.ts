/** A plan on a run that is under another one: it alone counts, also in layers in which it keeps everything. */
import assert from 'node:assert/strict';
import { underPlan } from '../../../../../diagnostics/plans/moa/measure';
import type { ModelRunner } from '../../../../../diagnostics/model-runner/model-runner';
import type { Change, Variant } from '../../../../../models/instrument/changes/changes';
import { fullPlan, type HeadPlan } from '../../../../../protocol/plans/head-plan';

const held = { sinks: 0, recent: 2, mean: false, append: false };
const planIn = (layer: number, prompt: number): Change => ({ kind: 'plan', layer, prompt, from: 0, heads: [held] });

describe('a plan of MoA on a run that is changed already', () => {
  const gain: Change = { kind: 'gain', layer: 0, head: 0, gain: 2 };
  const variant: Variant = [gain, planIn(0, 3), planIn(1, 3)];
  const recent: HeadPlan = { kind: 'recent', sinks: 0, recent: 2 };

  const variantsRun = async (heads: readonly (readonly HeadPlan[])[] | undefined): Promise<unknown> => {
    let ran: unknown;
    const model = {
      variant: () => Promise.resolve({ variant: [planIn(0, 4)], groups: undefined }),
      run: ({ variants }: { readonly variants: unknown }) => {
        ran = variants;
        return Promise.resolve({});
      },
    } as unknown as ModelRunner;
    await underPlan(model, { sequence: { ids: [1, 2, 3, 4] }, prompt: 4, rows: [3] }, variant, heads);
    return ran;
  };

  it('takes the place of the plan of the run in every layer, and leaves other changes', async () => {
    assert.deepEqual(await variantsRun([[recent], [fullPlan]]), [[gain, planIn(0, 4)]]);
    assert.deepEqual(await variantsRun(undefined), [variant]);
  });
});
