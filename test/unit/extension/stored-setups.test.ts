/** What the forms of panels held on 2026-11-30, as VS Code keeps it for a workspace: the next version begins with it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { infoOf } from '../../../diagnostics/analysis-info';
import { analyses } from '../../../diagnostics/catalogue';
import * as ofAnalyses from '../../../extension/panels/workbench/default-setup';
import * as ofKernels from '../../../extension/panels/kernels/default-setup';

const stored = JSON.parse(
  readFileSync(join(__dirname, '../../fixtures/earlier/stored-plans.json'), 'utf8'),
) as Readonly<Record<string, unknown>>;

const read: Readonly<Record<string, (value: unknown) => unknown>> = {
  'analyses.plan': (value) => ofAnalyses.storedSetup(value, analyses.map(infoOf), '/demo'),
  // That of a panel whose place the workbench has taken.
  'heads.plan': (value) => ofAnalyses.storedSetup(value, analyses.map(infoOf), '/demo'),
  'kernels.plan': ofKernels.storedSetup,
};

/** Model, prompt, changes and options of heads, as the request of the analysis. */
function asLook(held: unknown): unknown {
  const { prompt, classify, causal, ...request } = held as Readonly<Record<string, unknown>>;
  const parameters = { labels: classify, causal };
  return { ...request, analysis: 'heads', input: { kind: 'prompt', prompt }, parameters };
}

describe('what a form held before', () => {
  for (const [name, value] of Object.entries(stored)) {
    it(`${name} is taken as it was`, () => {
      // Folders of the extension stand in it by a name, so that they are found after an update.
      const expected = JSON.parse(JSON.stringify(value).replaceAll('"extension:', '"/extension')) as unknown;
      assert.deepEqual(read[name]?.(value), name === 'heads.plan' ? asLook(expected) : expected);
    });
  }

  it('is there of every panel, with interventions of 24 kinds', () => {
    assert.deepEqual(Object.keys(stored).toSorted(), Object.keys(read).toSorted());
    for (const name of ['heads.plan', 'analyses.plan']) {
      const { interventions } = stored[name] as { readonly interventions: readonly { readonly kind: string }[] };
      assert.equal(new Set(interventions.map(({ kind }) => kind)).size, 24);
    }
  });
});
