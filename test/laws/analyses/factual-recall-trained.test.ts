/** What factual recall says of models that were trained: suppression where noise asks for it, regressions on other templates. */
import assert from 'node:assert/strict';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { headsOf } from '../../../diagnostics/shared/circuits/paths';
import { answeredBy, corrected } from '../../../diagnostics/circuits/factual-recall/correction';
import { decomposed, writesOf } from '../../../diagnostics/circuits/factual-recall/decomposition';
import { factsOf, type Facts } from '../../../diagnostics/circuits/factual-recall/prompts';
import { readingOf, type Reading } from '../../../diagnostics/circuits/factual-recall/reading';
import { directFact, suppressionOf, type Suppression } from '../../../diagnostics/circuits/factual-recall/suppression';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { factSamples, startingFacts, withLastLayer } from '../../support/checkpoints/trained-facts';
import { surroundingsOf } from '../../support/model-jobs';
import { mean } from '../../../kernels/tensors/vectors';

const info = {
  id: 'facts',
  title: 'Facts',
  metric: 'logit-difference',
  source: { reference: 'made for tests', trust: 'low' },
  parameters: {},
  roles: {},
  changed: 'subject',
} as const;

interface Toy {
  readonly opened: OpenPlanted;
  readonly runner: ModelRunner;
  readonly facts: Facts;
  readonly readings: readonly Reading[];
  readonly suppression: Suppression;
}

async function toyOf(checkpoint: Checkpoint): Promise<Toy> {
  const opened = await openPlanted(checkpoint);
  const runner = new ServerRunner(opened.model, opened.model, surroundingsOf(), new AbortController().signal);
  const samples = factSamples(60);
  const facts = factsOf(
    {
      input: {
        given: { kind: 'task', task: 'facts', samples: samples.length },
        prompts: [],
        task: { task: info, samples, notes: [] },
      },
      seed: 1,
      parameters: { heldOut: 33 },
    },
    { decode: (ids) => ids.join() },
  );
  const { all, candidates, fitted } = facts;
  const readings: Reading[] = [];
  const direct = [];
  for (const fact of all) {
    const reading = await readingOf(runner, fact, { variant: [], groups: [] });
    readings.push(reading);
    direct.push(await directFact(runner, fact, reading, { frequent: [{ token: 0, weight: 1 }], candidates }));
  }
  return { opened, runner, facts, readings, suppression: suppressionOf(direct, fitted, runner.facts.blocks.length) };
}

describe('factual recall in models that were trained', function () {
  this.timeout(120_000);
  let plain: Toy;
  let noisy: Toy;
  before(async () => {
    const start = await startingFacts(350);
    plain = await toyOf(await withLastLayer(start, 0, 150));
    noisy = await toyOf(await withLastLayer(start, 0.2, 150));
  });
  after(async () => {
    await plain.opened.close();
    await noisy.opened.close();
  });

  const probability = async ({ runner, facts: { all, candidates } }: Toy, share: number): Promise<number> => {
    const setting = corrected([], [], 3, { name: '', gain: 1, share });
    const found = await Promise.all(all.map((fact) => answeredBy(runner, fact, candidates, [setting])));
    return mean(found.map(([one]) => one?.probability ?? Number.NaN));
  };

  it('both have learned the facts, one of them with as much doubt as the noise asks for', async () => {
    assert.ok((await probability(plain, 0)) > 0.97);
    // One in 24 of the objects that are drawn at random is the right one.
    const expected = 0.8 + 0.2 / 24;
    assert.ok(Math.abs((await probability(noisy, 0)) - expected) < 0.05);
  });

  it('a last layer that is trained with label noise lowers the answer against the others, one without does not', () => {
    assert.ok(noisy.suppression.lastMargin.high < 0, JSON.stringify(noisy.suppression.lastMargin));
    assert.ok(plain.suppression.lastMargin.low > 0, JSON.stringify(plain.suppression.lastMargin));
  });

  it('taking suppression out of the last MLP raises the answer where there is some', async () => {
    assert.ok((await probability(noisy, 1)) > (await probability(noisy, 0)) + 0.001);
    assert.ok(Math.abs((await probability(plain, 1)) - (await probability(plain, 0))) < 0.001);
  });

  it('weights and intercepts of MLPs hold for other templates', async () => {
    const { runner, readings, facts } = plain;
    assert.equal(facts.heldBy, 'template');
    const heads = headsOf(runner.facts.blocks);
    const { writes } = await writesOf(runner, readings, heads);
    for (const layer of runner.facts.blocks.keys()) {
      const { byHead, heldR2 } = decomposed(runner, readings, writes, facts, layer, heads);
      assert.ok(heldR2 > byHead.r2 - 0.1, `MLP ${layer}: ${heldR2} held out, ${byHead.r2} in the fit`);
    }
  });
});
