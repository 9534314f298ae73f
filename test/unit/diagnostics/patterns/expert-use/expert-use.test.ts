import assert from 'node:assert/strict';
import { expertUse } from '../../../../../diagnostics/patterns/expert-use/analysis';
import type { ExpertUseParameters } from '../../../../../diagnostics/patterns/expert-use/parameters';
import type { ExpertUseResult, Sorting } from '../../../../../diagnostics/patterns/expert-use/result';
import { byDomain, byPosition, byToken } from '../../../../../diagnostics/patterns/expert-use/sorted-tokens';
import { specialisation, type Choices } from '../../../../../diagnostics/patterns/expert-use/specialisation';
import { random } from '../../../../../kernels/tensors/random';
import { openPlanted, type OpenPlanted } from '../../../../support/checkpoints/open-planted';
import { plantedRouter, plantedRouterModel, plantedTokens } from '../../../../support/checkpoints/planted-router';
import { resultOf, runnerOf } from '../../../../support/model-jobs';

const layerOf = (chosen: readonly number[], experts = 4, perToken = 1): Choices => ({
  ...{ layer: 0, experts, perToken },
  chosen: Int16Array.from(chosen),
});

function finished<R>(generator: Generator<number, R>): R {
  for (;;) {
    const next = generator.next();
    if (next.done) return next.value;
  }
}

describe('specialisation of experts', () => {
  it('is the mutual information of expert and class, by hand', () => {
    // Token 5 takes expert 0 three times of four, token 6 expert 1 always.
    const documents = [{ ids: [5, 5, 5, 5, 6, 6, 6, 6], domain: -1 }];
    const { tests, preferences } = finished(
      specialisation([layerOf([0, 0, 0, 1, 1, 1, 1, 1], 2)], byToken(documents, 2), 99, 1, 10),
    );
    const cell = (count: number, kind: number, expert: number): number =>
      (count / 8) * Math.log(count / 8 / ((kind / 8) * (expert / 8)));
    const expected = cell(3, 4, 3) + cell(1, 4, 5) + cell(4, 4, 5);
    const [test] = tests;
    assert.ok(test && Math.abs(test.information - expected) < 1e-12);
    // Of C(8, 3) deals of three choices, 4 give token 5 all three and 4 give them to token 6.
    assert.ok(Math.abs(test.p - 8 / 56) < 0.08, String(test.p));
    assert.deepEqual(preferences, []);
  });

  it('deals tokens at equal loads: classes keep their sizes, in their document, and domains their documents', () => {
    const documents = [
      { ids: [5, 5, 6, 7, 5, 6], domain: 0 },
      { ids: [6, 6, 5, 9], domain: 1 },
      { ids: [8, 8], domain: 1 },
    ];
    const counts = (classes: ArrayLike<number>): string => Array.from(classes).sort().join();
    for (const sorted of [
      byToken(documents, 2),
      byPosition(documents),
      byDomain(documents, ['a', 'b']) ?? assert.fail(),
    ]) {
      let moved = 0;
      for (let deal = 0; deal < 20; deal++) {
        const dealt = sorted.dealt(random(deal));
        if (sorted.by !== 'domain') {
          for (const [from, to] of [
            [0, 6],
            [6, 10],
            [10, 12],
          ] as const)
            assert.equal(counts(dealt.slice(from, to)), counts(sorted.classes.slice(from, to)));
        } else {
          for (const [from, to] of [
            [0, 6],
            [6, 10],
            [10, 12],
          ] as const)
            assert.equal(new Set(dealt.slice(from, to)).size, 1);
        }
        if (dealt.join() !== sorted.classes.join()) moved++;
      }
      assert.ok(moved > 5, sorted.by);
    }
    assert.deepEqual([...byPosition(documents).classes.slice(0, 6)], [0, 1, 2, 2, 3, 3]);
    assert.deepEqual(
      [...byToken(documents, 2).classes.slice(0, 4)],
      [0, 0, 1, -1],
      'a token that stands once is not counted',
    );
    assert.equal(byDomain([{ ids: [1], domain: 0 }], ['a']), undefined);
  });

  it('finds nothing in random choices more often than its p says', () => {
    let [found, runs] = [0, 0];
    for (let seed = 0; seed < 60; seed++) {
      const numbers = random(seed + 1000);
      const ids = Array.from({ length: 160 }, () => numbers.whole(6));
      const layers = [0, 1, 2].map((layer) => ({
        ...layerOf(
          ids.map(() => numbers.whole(8)),
          8,
        ),
        layer,
      }));
      const { tests } = finished(specialisation(layers, byToken([{ ids, domain: -1 }], 4), 39, seed, 10));
      runs++;
      if (Math.min(...tests.map(({ p }) => p)) <= 0.05) found++;
    }
    // 3 of 60 are expected, over all three layers together; more than 9 have a chance of less than 1 in 1,000.
    assert.ok(found <= 9, `${found} of ${runs}`);
  });
});

describe('the analysis expert-use', function () {
  this.timeout(60_000);
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(plantedRouterModel());
  });
  after(() => opened.close());

  const parameters: ExpertUseParameters = { permutations: 99, tokens: 128, documents: 64, least: 3 };

  async function run(
    documents: readonly { readonly ids: readonly number[]; readonly source?: string }[],
  ): Promise<ExpertUseResult> {
    const runner = runnerOf(opened.model);
    const corpus = {
      ...{ name: 'c', bytes: 0, notes: [], sha256: '' },
      documents: documents.map((document) => ({ text: null, ...document })),
    };
    const job = {
      input: { given: { kind: 'corpus', path: '' }, prompts: [], corpus },
      parameters,
      variant: [],
      groups: [],
    };
    const step = (_: string, act: () => Promise<unknown>) => act();
    return resultOf(expertUse.run(runner, { ...job, seed: 3, step } as never));
  }

  const pOf = (result: ExpertUseResult, layer: number, by: Sorting): number =>
    result.layers[layer]?.tests.find((test) => test.by === by)?.p ?? assert.fail(by);

  it('finds the expert that takes one token, and nothing in the layer that routes by chance', async () => {
    const result = await run([1, 2, 3, 4].map((seed) => ({ ids: plantedTokens(100, seed) })));
    assert.equal(pOf(result, 0, 'token'), 0.01);
    assert.ok(pOf(result, 1, 'token') > 0.05, String(pOf(result, 1, 'token')));
    for (const layer of [0, 1]) assert.ok(pOf(result, layer, 'position') > 0.05);
    const [first] = result.preferences;
    assert.ok(first);
    assert.deepEqual(
      { layer: first.layer, expert: first.expert, by: first.by, all: first.taken === first.of },
      { layer: 0, expert: plantedRouter.expert, by: 'token', all: true },
    );
    assert.ok(result.preferences.every(({ layer, expert }) => layer === 0 && expert === plantedRouter.expert));
    const planted = [1, 2, 3, 4].flatMap((seed) => plantedTokens(100, seed)).filter((id) => id === plantedRouter.token);
    assert.equal(first.of, planted.length);
    assert.equal(result.layers[0]?.loads[plantedRouter.expert], planted.length / result.tokens);
    assert.match(
      expertUse.finding(result),
      /^Experts specialise: by token in 1 of 2 layers with experts .* Most: L0E3 is used by (\d+) of \1 "#7", /,
    );
    const [offer] = expertUse.offers?.(result) ?? [];
    assert.deepEqual(offer?.interventions, [{ kind: 'forbid-expert', layer: 0, expert: plantedRouter.expert }]);
  });

  it('finds the domain that an expert is for, by whole documents, and none where domains are given at random', async () => {
    const other = (seed: number): readonly number[] => plantedTokens(60, seed).map((id) => (id === 7 ? 12 : id));
    const texts = Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? plantedTokens(60, at) : other(at)));
    const told = await run(texts.map((ids, at) => ({ ids, source: at % 2 === 0 ? 'with' : 'without' })));
    assert.ok(pOf(told, 0, 'domain') <= 0.05, String(pOf(told, 0, 'domain')));
    assert.deepEqual(told.domains, ['with', 'without']);
    const mixed = await run(texts.map((ids, at) => ({ ids, source: at % 4 < 2 ? 'a' : 'b' })));
    for (const layer of [0, 1]) assert.ok(pOf(mixed, layer, 'domain') > 0.05);
  });

  it('says how evenly experts are used, by hand', async () => {
    const result = await run([{ ids: plantedTokens(64, 9) }]);
    for (const { loads, variation, unused, entropy, experts } of result.layers) {
      assert.ok(Math.abs(loads.reduce((sum, load) => sum + load, 0) - 1) < 1e-12);
      const deviation = Math.sqrt(loads.reduce((sum, load) => sum + (load - 1 / experts) ** 2, 0) / experts);
      assert.ok(Math.abs(variation - deviation * experts) < 1e-12);
      assert.equal(unused, loads.filter((load) => load === 0).length / experts);
      assert.ok(entropy > 0 && entropy < Math.log(experts));
    }
  });

  it('refuses a model without experts', () => {
    const { facts } = runnerOf(opened.model);
    const dense = { ...facts, blocks: facts.blocks.map(({ experts: _, ...block }) => block) };
    const support = expertUse.supports(dense, parameters);
    assert.ok(!support.ok && /has no routed experts/.test(support.why));
  });
});
