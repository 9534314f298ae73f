import assert from 'node:assert/strict';
import type { Pair } from '../../../diagnostics/shared/effects/pairs';
import { pathPatching } from '../../../diagnostics/circuits/path-patching/analysis';
import type { PathResult } from '../../../diagnostics/circuits/path-patching/result';
import { pathEstimates } from '../../../diagnostics/shared/circuits/path-estimates';
import { headsOf, PathRuns } from '../../../diagnostics/shared/circuits/paths';
import type { Receiver } from '../../../diagnostics/shared/circuits/receivers';
import { embeddingLine } from '../../../diagnostics/shared/gradients/embedding-line';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

const n = ids.length;
const other = ids.map((id, at) => (at === 6 || at === 11 ? (id + 7) % 61 : id));
const settings = { metric: 'logit-difference', variant: [] } as const;

describe('estimates of paths', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny(llamaLike('llama of four layers', 'llama', { num_hidden_layers: 4 }));
  });
  after(() => tiny.close());

  const cases: readonly (readonly [what: string, receivers: readonly Receiver[], positions: readonly number[]])[] = [
    ['the logits', [{ input: 'logits' }], [n - 1]],
    ['a query at the last position', [{ input: 'query', layer: 3, head: 1 }], [n - 1]],
    ['a key at all positions', [{ input: 'key', layer: 2, head: 3 }], ids.map((_, at) => at)],
    ['values of two layers', [2, 3].map((layer) => ({ input: 'value', layer, head: 0 }) as const), [6, 11, n - 1]],
    [
      'an MLP, and a query of its layer',
      [
        { input: 'mlp', layer: 2 },
        { input: 'query', layer: 2, head: 0 },
      ],
      [n - 1],
    ],
  ];
  for (const [what, receivers, positions] of cases) {
    for (const freezeMlps of [false, true]) {
      it(`to ${what} are, for a small change, what path patching measures${freezeMlps ? ', MLPs held' : ''}`, async () => {
        const model = runnerOf(tiny.model);
        // A hundredth of the way to the counterpart, by the embeddings.
        const line = await embeddingLine(model, { ids: other }, { ids });
        const pair: Pair = {
          clean: { ids },
          corrupted: { ...(await line.at(49, 50)), ids: other },
          asked: [{ row: n - 1, tokens: [7, 9] }],
          right: 1,
          roles: {},
          tokens: ids.map(String),
        };
        const senders = headsOf(model.facts.blocks);
        const asked = { senders, receivers, positions };
        const found = await pathEstimates(model, pair, asked, { ...settings, freezeMlps });
        const runs = await PathRuns.of(model, pair, { ...settings, freezeMlps });
        const exact = (await runs.measured(asked)).map((value) => value - runs.ends.original);
        const largest = Math.max(...exact.map(Math.abs));
        assert.ok(largest > 2e-5, `the largest effect is ${largest}`);
        exact.forEach((value, at) => {
          const error = Math.abs((found[at] ?? NaN) - value);
          assert.ok(error <= 0.03 * largest + 3e-6, `sender ${at}: ${found[at]} and ${value}`);
        });
      });
    }
  }

  it('choose what path patching measures where a share is asked for: the same heads, with the same effects', async () => {
    const input = {
      kind: 'prompt-pair',
      prompt: { kind: 'ids', ids },
      counterpart: { kind: 'ids', ids: other },
    } as const;
    const run = (exactShare: number): Promise<PathResult> =>
      resultFor(tiny.model, pathPatching, {
        input,
        parameters: { answer: '#7', against: '#9', next: 'v', kept: 15, leastGap: 0, exactShare },
      });
    const [all, some] = [await run(100), await run(30)];
    assert.equal(all.stages[0]?.firstPass, undefined);
    for (const [number, stage] of some.stages.entries()) {
      const whole = all.stages[number];
      assert.deepEqual(stage.kept, whole?.kept);
      const { patched, drawn, of } = stage.firstPass ?? assert.fail();
      const known = stage.effect.flat().filter((value) => !Number.isNaN(value));
      assert.equal(known.length, patched + drawn);
      assert.equal(patched, Math.ceil(0.3 * of));
      stage.effect.forEach((row, layer) =>
        row.forEach((value, head) => {
          const exact = whole?.effect[layer]?.[head] ?? NaN;
          if (!Number.isNaN(value)) assert.ok(Math.abs(value - exact) < 1e-6);
        }),
      );
    }
    assert.match(pathPatching.finding(some), /Gradients chose 5 of 16 heads to be patched: they hold about \d+ %/);
  });
});
