import assert from 'node:assert/strict';
import { setupOfWeight } from '../../../extension/panels/explain-weight';
import type { AnalysisInput, AnalysisResult } from '../../../protocol/analysis/schema';

describe('the explanation of a weight of an attention map', () => {
  const cell = { layer: 3, head: 1, query: 7, key: 2 };
  const interventions = [{ kind: 'gain', layer: 1, head: 0, gain: 0 }] as const;
  const of = (input: AnalysisInput): AnalysisResult =>
    ({ model: { folder: '/models/tiny' }, input, interventions, seed: 4 }) as unknown as AnalysisResult;
  const prompt = { kind: 'text', text: 'a b', image: '/dog.png' } as const;

  it('is an analysis of the prompt that was read, its picture included, under the same interventions', () => {
    for (const input of [
      { kind: 'prompt', prompt },
      { kind: 'image', prompt },
      { kind: 'prompt-pair', prompt, counterpart: { kind: 'text', text: 'a c' } },
    ] as const) {
      assert.deepEqual(setupOfWeight(of(input), cell), {
        analysis: 'attention-attribution',
        folder: '/models/tiny',
        input: { kind: 'prompt', prompt },
        parameters: cell,
        interventions,
        seed: 4,
      });
    }
  });

  it('is refused where no single prompt was read', () => {
    for (const input of [
      { kind: 'task', task: 'induction', samples: 3 },
      { kind: 'image-set', folder: '/scenes', prompt, samples: 3 },
      { kind: 'none' },
    ] as const) {
      assert.throws(() => setupOfWeight(of(input), cell), /A weight is explained on the prompt of an analysis/);
    }
  });
});
