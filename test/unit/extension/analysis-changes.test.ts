import assert from 'node:assert/strict';
import { compare } from '../../../diagnostics/circuits/ablation/compare';
import type { AblationResult } from '../../../diagnostics/circuits/ablation/result';
import { changesBetween } from '../../../extension/panels/workbench/changes';
import type { AnalysisResult } from '../../../protocol/analysis/schema';

describe('changes between two results of an analysis', () => {
  it('are the result on show less the other one, and say so', async () => {
    const of = (heads: AblationResult['heads']): AnalysisResult =>
      ({ result: { metric: 'loss', heads } }) as unknown as AnalysisResult;
    const shown = of([[0.75, 0]]);
    const earlier = of([[0.5, 1]]);
    const server = {
      compareAnalyses: (...[a, b]: readonly AnalysisResult[]) =>
        Promise.resolve(compare(a?.result as AblationResult, b?.result as AblationResult)),
    };
    const [section] = await changesBetween(server, shown, earlier);
    assert.ok(section?.kind === 'heads');
    assert.deepEqual(section.numbers[0]?.values, [[0.25, -1]]);
    assert.match(section.title, /this result less the other/);
  });
});
