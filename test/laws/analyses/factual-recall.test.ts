/** Factual recall on a model whose heads and MLPs are written by hand, and its sums on every family. */
import assert from 'node:assert/strict';
import { ServerRunner } from '../../../compute-server/runner/runner';
import type { AnalysisJob } from '../../../diagnostics/analysis';
import { offers } from '../../../diagnostics/circuits/factual-recall/finding';
import { parameters as table, type RecallParameters } from '../../../diagnostics/circuits/factual-recall/parameters';
import type { RecallResult } from '../../../diagnostics/circuits/factual-recall/result';
import { recall } from '../../../diagnostics/circuits/factual-recall/run';
import type { Sample } from '../../../diagnostics/tasks/task';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny } from '../../support/checkpoints/open-tiny';
import {
  answerOf,
  endOf,
  facts,
  leadOf,
  plantedFacts,
  templates,
  topicOf,
} from '../../support/checkpoints/planted-facts';
import { surroundingsOf } from '../../support/model-jobs';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';

function job(samples: readonly Sample[], given: Partial<RecallParameters> = {}): AnalysisJob<RecallParameters> {
  const resolved = resolveTable<RecallParameters>('factual-recall', table, given);
  assert.ok(resolved.ok);
  const info = {
    id: 'planted',
    title: 'Planted facts',
    metric: 'logit-difference',
    source: { reference: 'made for tests', trust: 'low' },
    parameters: {},
    roles: {},
    changed: 'subject',
  } as const;
  return {
    input: {
      given: { kind: 'task', task: 'planted', samples: samples.length },
      prompts: [],
      task: { task: info, samples, notes: [] },
    },
    parameters: resolved.values,
    variant: [],
    groups: [],
    seed: 1,
    step: (_, act) => act(),
  };
}

async function run(model: LoadedModel, own: AnalysisJob<RecallParameters>): Promise<RecallResult> {
  const runner = new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);
  const steps = recall(runner, own);
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
  }
}

/** Each fact in each template. */
const planted: readonly Sample[] = Array.from({ length: facts * templates }, (_, at): Sample => {
  const [fact, template] = [at % facts, Math.floor(at / facts)];
  const other = (fact + 1 + (template % (facts - 1))) % facts;
  const ids = (of: number): readonly number[] => [leadOf(template), topicOf(of), endOf(template)];
  return {
    prompt: { text: '', ids: ids(fact) },
    counterpart: { text: '', ids: ids(other) },
    answers: { right: [answerOf(fact)], wrong: [answerOf(other)], rest: [], texts: { right: ['a'], wrong: ['b'] } },
    roles: { subject: [1], query: [2] },
    facts: { template },
  };
});

const close = (found: number | undefined, expected: number, tolerance: number, what = ''): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) <= tolerance, `${what}: ${found}, not ${expected}`);

describe('factual recall in a model that was planted', () => {
  let opened: OpenPlanted;
  let result: RecallResult;
  before(async () => {
    opened = await openPlanted(plantedFacts());
    result = await run(opened.model, job(planted, { heldOut: 25 }));
  });
  after(() => opened.close());

  it('finds the head that moves the topic: by its effect, its attention, and what it writes', () => {
    assert.deepEqual(result.movers?.[0], { layer: 0, head: 0 });
    assert.ok((result.heads?.effect[0]?.[0] ?? 0) > 0.9);
    close(result.heads?.effect[0]?.[1], 0, 1e-4, 'the distractor');
    assert.ok((result.heads?.relative[0]?.[0] ?? 0) < -0.5);
    close(result.toTopic?.[0]?.[0], 1, 1e-6, 'attention to the topic');
    close(result.toTopic?.[0]?.[1], 0, 1e-6, 'attention of the distractor');
    assert.deepEqual(
      result.reads?.find(({ layer, head }) => layer === 0 && head === 0)?.topic,
      1,
      'the topic is the first token that it writes',
    );
  });

  it('reads the topic behind the attention and the answer behind the MLP', () => {
    // Embedding, L0 attention, L0 MLP, L1 attention, L1 MLP.
    assert.deepEqual(result.topicRank?.median.slice(1), [1, 2, 2, 2]);
    assert.deepEqual(result.answerRank?.median.slice(2), [1, 1, 1]);
    assert.ok((result.answerRank?.median[1] ?? 0) > 1);
  });

  it('reads the erased distractor as -1 and what is left as the answer', () => {
    const [first] = result.mlps ?? [];
    assert.equal(first?.layer, 0);
    const weight = (head: number) => first?.weights.find((one) => one.layer === 0 && one.head === head)?.weight;
    close(weight(1), -1, 1e-3, 'the distractor');
    // The MLP writes answers, which are orthogonal to topics.
    close(weight(0), 0, 1e-3, 'the mover');
    // Neither is true of all heads together: the topic is four times as strong as the distractor.
    assert.ok(Math.abs(first?.summedWeight ?? 0) < 0.5);
    assert.ok((first?.heldR2 ?? 0) > (first?.summedHeldR2 ?? 1));
    // The weights carry over to a lead word that none of the prompts of the fit had.
    assert.ok((first?.heldR2 ?? 0) > (first?.r2 ?? 1) - 0.1);
    // By hand: ones on the 6 answers against 1/6 there less 1/18 on all 18 tokens.
    close(first?.directions?.intercept, Math.sqrt(2 / 3), 0.01, 'c points to the answers');
    assert.ok((first?.directions?.own ?? 0) > (first?.directions?.other ?? 1) + 0.5, 'and the rest to its own');
    const answers = first?.top.slice(0, facts).map(({ token }) => token);
    assert.deepEqual(answers?.toSorted(), Array.from({ length: facts }, (_, fact) => `#${answerOf(fact)}`).toSorted());
  });

  it('the residue of a fact makes the bare topic give its answer, a random direction does not', () => {
    const tried = (addition: string) => result.tried?.find((one) => one.layer === 0 && one.addition === addition);
    assert.equal(tried('residue')?.first, 1);
    assert.equal(tried('residue')?.topics, facts);
    assert.ok((tried('random')?.rank ?? 0) >= (tried('residue')?.rank ?? 0));
  });

  it('finds the suppression of the last layer, and takes it out', () => {
    const { suppression, suppressing, corrected } = result;
    assert.equal(suppression?.lowered.value, 1);
    assert.ok((suppression?.last.high ?? 0) < 0);
    assert.deepEqual(suppressing, [{ layer: 1, head: 0 }]);
    const [before, ...rest] = corrected ?? [];
    const of = (name: string) => rest.find((one) => one.name === name);
    close(before?.change.mean, 0, 0, 'unchanged');
    for (const name of ['heads alone', 'MLP alone', 'both']) {
      assert.ok((of(name)?.change.low ?? 0) > 0, `${name} raises the answer`);
    }
    assert.ok((of('both')?.probability.mean ?? 0) > (of('MLP alone')?.probability.mean ?? 1));
    const whole = offers(result).find(({ title }) => title.includes('both'));
    assert.deepEqual(whole?.interventions, [
      { kind: 'gain', layer: 1, head: 0, gain: 0 },
      { kind: 'unsuppress', layer: 1, share: 1 },
    ]);
  });

  it('with the mean of the counterparts as sender the effect is smaller, and MLPs held leave the direct path alone', async () => {
    const mean = await run(opened.model, job(planted, { sender: 'mean' }));
    const own = result.heads?.effect[0]?.[0] ?? 0;
    const smaller = mean.heads?.effect[0]?.[0] ?? 1;
    assert.ok(smaller < own && smaller > 0.1, `${smaller} of ${own}`);
    const direct = await run(opened.model, job(planted, { freezeMlps: true }));
    close(direct.heads?.effect[0]?.[0], 0, 0.05, 'nothing of the answer is on the direct path');
  });

  it('the correction with gain 1 and share 0 changes nothing', async () => {
    const neutral = await run(opened.model, job(planted, { gain: 1, share: 0 }));
    const [before] = neutral.corrected ?? [];
    for (const one of neutral.corrected ?? []) assert.deepEqual(one.probability, before?.probability);
    assert.deepEqual(offers(neutral), []);
  });
});

describe('factual recall on checkpoints with random weights', () => {
  for (const family of ['llama', 'gpt2', 'gemma2', 'gpt_neox', 'opt']) {
    it(`of ${family}: heads sum to attention, parts to the stream and to the logit`, async () => {
      const tiny = await openTiny(family);
      try {
        const samples = planted.slice(0, 6).map((one): Sample => ({ ...one, facts: {} }));
        const { check } = await run(tiny.model, job(samples));
        assert.ok((check?.heads ?? 1) < 1e-5 && (check?.stream ?? 1) < 1e-5, JSON.stringify(check));
        assert.ok((check?.logit ?? 1) < 1e-4, JSON.stringify(check));
      } finally {
        await tiny.close();
      }
    });
  }

  it('a norm on the sums is refused', async () => {
    const tiny = await openTiny('opt, narrow embedding and norms after');
    try {
      await assert.rejects(run(tiny.model, job(planted)), /has a norm behind its sums/);
    } finally {
      await tiny.close();
    }
  });
});
