import assert from 'node:assert/strict';
import { measureEffects } from '../../../extension/panels/heads/head-effects';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import type { AnalysisRequest, AnalysisResult } from '../../../protocol/analysis/schema';
import type { HeadsSection } from '../../../protocol/sections/heads';
import { headsResult } from './samples';

const gain0 = { kind: 'gain', layer: 1, head: 0, gain: 0 } as const;

describe('the effect of removing each head', () => {
  const section = (values: readonly (readonly number[])[]): HeadsSection => ({
    kind: 'heads',
    id: 'heads',
    title: 'Effect of removing each head',
    numbers: [{ name: 'change', title: 'Change', unit: 'nats', definition: 'd', scale: { kind: 'diverging' }, values }],
  });

  it('is the analysis of the tokens that are shown, under their interventions; numbers come as they are measured', async () => {
    const { signal } = new AbortController();
    const asked: AnalysisRequest[] = [];
    const said: unknown[] = [];
    const result = headsResult({ interventions: [gain0] });
    const analysis = (request: AnalysisRequest, _: AbortSignal, progress: (each: AnalysisProgress) => void) => {
      asked.push(request);
      progress({ kind: 'stage', sentence: 'Removing', share: 0.5, secondsLeft: 3, kept: 1 });
      progress({ kind: 'partial', finding: 'Half.', sections: [section([[0.5, Number.NaN]])] });
      return Promise.resolve({ sections: [section([[0.5, 1]])], finding: 'All.' } as unknown as AnalysisResult);
    };
    await measureEffects({ analysis }, result, 'webgpu', signal, ({ sentence, share, secondsLeft, effects, finding }) =>
      said.push([sentence, share, secondsLeft, effects?.values, finding]),
    );
    assert.deepEqual(said, [
      ['Removing', 0.5, 3, undefined, undefined],
      ['Removing', 0.5, 3, [[0.5, Number.NaN]], undefined],
      ['Done', 1, undefined, [[0.5, 1]], 'All.'],
    ]);
    const { folder } = result.model;
    const input = { kind: 'prompt', prompt: { kind: 'ids', ids: result.ids } };
    assert.deepEqual(asked, [
      {
        analysis: 'ablation',
        folder,
        device: 'webgpu',
        input,
        parameters: {},
        interventions: [gain0],
        seed: result.seed,
      },
    ]);
  });

  it('of a prompt with a picture is refused in a sentence', async () => {
    const image = { name: 'dog.png', path: '/dog.png' } as NonNullable<ReturnType<typeof headsResult>['image']>;
    const server = { analysis: () => Promise.reject(new Error('it was run')) };
    const { signal } = new AbortController();
    await assert.rejects(
      measureEffects(server, headsResult({ image }), undefined, signal, () => undefined),
      /has a picture/,
    );
  });
});
