/** Attention influence on tiny models whose answers are known: by construction, or by arithmetic of the test's own. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { attentionInfluence } from '../../../diagnostics/retrieval/attention-influence/analysis';
import { scoreDocuments, type LossSums } from '../../../diagnostics/retrieval/attention-influence/score-documents';
import type { InfluenceResult } from '../../../diagnostics/retrieval/attention-influence/result';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { TokensSection } from '../../../protocol/sections/tokens';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { plantedRetrieval } from '../../support/checkpoints/planted-retrieval';
import { writeSafetensors } from '../../support/safetensors-file';
import { tinyModel, tinyTensors, writeConfig } from '../../support/checkpoints/tiny-models';
import { runnerOf, surroundingsOf } from '../../support/model-jobs';

type Ids = readonly number[];

/** Different tokens below `vocabulary`, in no order that a model knows. */
const mixed = (count: number, from = 0, vocabulary = 61): Ids =>
  Array.from({ length: count }, (_, at) => ((from + at) * 17 + 5) % vocabulary);

const direct = <T>(_: string, act: () => Promise<T>): Promise<T> => act();

describe('attention influence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-influence-'));
  let llama: OpenTiny;
  let planted: LoadedModel;
  before(async () => {
    llama = await openTiny('llama');
    const at = join(folder, 'planted');
    const { config, tensors } = plantedRetrieval();
    writeConfig(at, config);
    writeSafetensors(join(at, 'model.safetensors'), tensors);
    planted = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(async () => {
    await llama.close();
    await planted.sessions.release();
    rmSync(folder, { recursive: true });
  });

  async function started(model: LoadedModel, documents: readonly object[], parameters: ParameterValues) {
    const file = join(folder, 'documents.jsonl');
    writeFileSync(file, documents.map((document) => JSON.stringify(document)).join('\n'));
    return prepare(
      {
        opened: model,
        analysis: attentionInfluence,
        surroundings: surroundingsOf(),
        signal: new AbortController().signal,
      },
      {
        analysis: attentionInfluence.id,
        folder: model.folder,
        input: { kind: 'corpus', file },
        parameters,
        interventions: [],
        seed: 3,
      },
    );
  }
  type Prepared = Awaited<ReturnType<typeof started>>;
  async function ended({ runner, job }: Prepared): Promise<InfluenceResult> {
    const run = attentionInfluence.run(runner, { ...(job as never as object), step: direct } as never);
    for (;;) {
      const step = await run.next();
      if (step.done) return step.value;
    }
  }
  const scored = async (
    model: LoadedModel,
    documents: readonly object[],
    parameters: ParameterValues = {},
  ): Promise<InfluenceResult> => ended(await started(model, documents, parameters));

  const sums = async (documents: readonly Ids[], variants: readonly Variant[], size = 64, seed = 0) => {
    const run = scoreDocuments(
      runnerOf(llama.model),
      documents.map((ids) => ({ ids: Int32Array.from(ids) })),
      { shape: { lead: [], size }, variants, seed, step: direct },
    );
    for (;;) {
      const step = await run.next();
      if (step.done) return step.value;
    }
  };
  const meanOf = (found: ReadonlyMap<number, LossSums>, document: number, variant: number): number => {
    const { sums: all = [], tokens = 0 } = found.get(document) ?? {};
    return (all[variant] ?? Number.NaN) / tokens;
  };
  const uniform: Variant = [{ kind: 'uniform', layer: 1, head: 2 }];
  const documents: readonly Ids[] = [mixed(20), mixed(7, 3), mixed(33, 9), mixed(2, 40), mixed(20, 30), mixed(12, 50)];

  it('the loss of each token is that of the logits, and the best token the one with the largest', async () => {
    const runner = runnerOf(llama.model);
    const ids = [mixed(9), mixed(14, 8)];
    const found = await runner.nextTokens(ids, [[], uniform]);
    for (const [at, own] of ids.entries()) {
      for (const [number, variant] of [[], uniform].entries()) {
        const { logits } = await runner.run({ ids: own, variants: [variant], logits: 'all' });
        const data = logits?.data;
        assert.ok(data instanceof Float32Array);
        const vocabulary = data.length / own.length;
        const predicted = found[at]?.[number];
        assert.equal(predicted?.loss.length, own.length - 1);
        for (let row = 0; row + 1 < own.length; row++) {
          const line: readonly number[] = [...data.subarray(row * vocabulary, (row + 1) * vocabulary)];
          const sum = line.reduce((total, logit) => total + Math.exp(logit), 0);
          const loss = -Math.log(Math.exp(line[own[row + 1] ?? 0] ?? 0) / sum);
          assert.ok(Math.abs((predicted.loss[row] ?? Number.NaN) - loss) < 2e-6, `row ${row}`);
          assert.equal(line[predicted.best[row] ?? -1], Math.max(...line));
        }
      }
    }
  });

  it('without a masked head every influence is 0', async () => {
    const found = await sums(documents, [[], []]);
    assert.equal(found.size, documents.length);
    for (const at of documents.keys()) assert.equal(meanOf(found, at, 1), meanOf(found, at, 0));
  });

  it('a masked head puts out the running mean of the values, whatever comes later', async () => {
    const runner = runnerOf(llama.model);
    const ids = mixed(20);
    const tapsOf = async (given: Ids) => {
      const taps = (['attention.value', 'attention.head_output'] as const).map((tap) => ({ layer: 1, tap }));
      const { layers } = await runner.run({ ids: given, variants: [uniform], taps, logits: 'none' });
      const { 'attention.value': value, 'attention.head_output': output } = layers[1]?.taps ?? {};
      assert.ok(value?.data instanceof Float32Array && output?.data instanceof Float32Array);
      return { value: value.data, output: output.data };
    };
    const { value, output } = await tapsOf(ids);
    const { heads = 0, kvHeads = 0, headDim: d = 0 } = runner.facts.blocks[1] ?? {};
    const n = ids.length;
    const key = Math.floor((2 * kvHeads) / heads);
    for (let i = 0; i < d; i++) {
      let sum = 0;
      for (let t = 0; t < n; t++) {
        sum += value[(key * n + t) * d + i] ?? Number.NaN;
        assert.ok(Math.abs((output[(2 * n + t) * d + i] ?? Number.NaN) - sum / (t + 1)) < 1e-6);
      }
    }
    const later = await tapsOf(ids.map((id, at) => (at < 12 ? id : (id + 1) % 61)));
    assert.deepEqual(later.output.slice(2 * n * d, (2 * n + 12) * d), output.slice(2 * n * d, (2 * n + 12) * d));
  });

  it('a head that writes nothing can be masked without a change', async () => {
    const tiny = tinyModel('llama');
    const tensors = tinyTensors(tiny);
    const name = 'model.layers.1.self_attn.o_proj.weight';
    const projection = tensors.get(name);
    assert.ok(projection);
    const [rows = 0, columns = 0] = projection.shape;
    const d = columns / 4;
    for (let row = 0; row < rows; row++) projection.data.fill(0, row * columns + 2 * d, row * columns + 3 * d);
    const at = join(folder, 'silent');
    writeConfig(at, tiny.config);
    writeSafetensors(join(at, 'model.safetensors'), tensors);
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    try {
      const all = documents.map((ids) => ({ ids }));
      const silent = await scored(model, all, { heads: '1.2', control: 0 });
      for (const { influence } of silent.documents) assert.ok(Math.abs(influence) < 1e-6, String(influence));
      const other = await scored(model, all, { heads: '1.3', control: 0 });
      assert.ok(other.documents.some(({ influence }) => Math.abs(influence) > 1e-5));
    } finally {
      await model.sessions.release();
    }
  });

  it('neither the order of the documents nor what they run beside changes a loss', async () => {
    const variants = [[], uniform];
    const together = await sums(documents, variants);
    const backwards = await sums([...documents].reverse(), variants, 64, 7);
    for (const [at, ids] of documents.entries()) {
      const alone = await sums([ids], variants);
      for (const variant of variants.keys()) {
        const expected = meanOf(alone, 0, variant);
        for (const found of [meanOf(together, at, variant), meanOf(backwards, documents.length - 1 - at, variant)]) {
          assert.ok(Math.abs(found - expected) < 2e-6, `document ${at}: ${found}, not ${expected}`);
        }
      }
    }
  });

  it('a long document is the mean over the tokens of its windows, each predicted once', async () => {
    const ids = mixed(50, 0, 53);
    const found = (await sums([ids], [[]], 20)).get(0);
    assert.deepEqual([found?.tokens, found?.windows], [49, 3]);
    const parts = [ids.slice(0, 20), ids.slice(19, 39), ids.slice(38)];
    let expected = 0;
    for (const part of parts) {
      const own = (await sums([part], [[]])).get(0);
      expected += own?.sums[0] ?? Number.NaN;
    }
    assert.ok(Math.abs((found?.sums[0] ?? Number.NaN) - expected) < 1e-5);
  });

  describe('a model with one head that retrieves', () => {
    // Without the token 0, which stands in front of every document.
    const said = mixed(30).map((id) => id + 1);
    const repeating = { ids: [...said, ...said], source: 'repeating' };
    const plain = { ids: mixed(60).map((id) => id + 1), source: 'plain' };

    it('that head copies in every probe and is masked', async () => {
      const { scores, masked, probe, controls } = await scored(planted, [repeating], { probes: 3 });
      assert.deepEqual(masked, [{ layer: 1, head: 0 }]);
      assert.deepEqual([probe?.format, probe?.answered], ['tokens', probe?.tests]);
      assert.equal(scores?.[1]?.[0], 1);
      assert.ok([scores?.[0]?.[0], scores?.[0]?.[1], scores?.[1]?.[1]].every((score) => (score ?? 1) < 0.2));
      assert.equal(controls.length, 4);
      assert.notDeepEqual(controls[0], masked);
    });

    it('documents that repeat themselves need it, others do not', async () => {
      const { documents: found } = await scored(planted, [repeating, plain], { heads: '1.0', control: 0 });
      const [first, second] = found;
      assert.ok((first?.influence ?? 0) > 0.1, String(first?.influence));
      assert.ok(Math.abs(second?.influence ?? 1) < 1e-3, String(second?.influence));
    });

    it('its tokens: what they lose without the head is the rise of the loss, and lies in the repetition', async () => {
      // The copy is the second row of its source.
      const prepared = await started(planted, [plain, repeating, plain], { heads: '1.0', control: 0 });
      const result = await ended(prepared);
      const row = 2;
      const section = (await attentionInfluence.ask?.(
        prepared.runner,
        { ...(prepared.job as never as object), step: direct } as never,
        result,
        { section: 'documents', place: { kind: 'row', row } },
      )) as TokensSection;
      assert.equal(section.title, 'Tokens of #2');
      assert.equal(section.tokens.length, 60);
      const lost = section.numbers[0]?.values ?? [];
      const mean = lost.reduce((sum, value) => sum + value, 0) / 60;
      const document = result.documents[1];
      assert.ok(document);
      assert.ok(Math.abs(mean - (document.maskedLoss - document.loss)) < 1e-6);
      // The head finds what stands two behind the same token: the second token of the repetition is the first that it knows.
      const [before, behind] = [lost.slice(0, 31), lost.slice(32)];
      assert.ok(Math.max(...before.map(Math.abs)) < 0.1, `before: ${before.join(' ')}`);
      assert.ok(Math.min(...behind) > 1, `behind: ${behind.join(' ')}`);
    });
  });

  it('copies are noted, not run and not ranked; what has no token to predict has no influence', async () => {
    const all = [{ ids: mixed(20) }, { ids: [5] }, { ids: mixed(20) }, { ids: mixed(9, 2) }];
    const { documents: found, overall } = await scored(llama.model, all, { heads: '1.2' });
    assert.equal(found[2]?.duplicateOf, 0);
    assert.equal(found[2].loss, found[0]?.loss);
    assert.deepEqual(
      found.map(({ rank }) => Number.isNaN(rank)),
      [false, true, true, false],
    );
    assert.equal(overall.documents, 2);
    assert.equal(overall.tokens, 19 + 8);
  });

  it('heads and token ids that the model does not have are refused with a sentence', async () => {
    const { facts } = runnerOf(llama.model);
    const { job } = await started(llama.model, [{ ids: [1, 2] }], {});
    const support = attentionInfluence.supports(facts, { ...job.parameters, heads: '9.0' } as never);
    assert.deepEqual(support, { ok: false, why: 'The model has no layer 9: its layers are 0 to 1.' });
    await assert.rejects(
      scored(llama.model, [{ ids: [1, 2] }, { ids: [1, 5000] }], { heads: '0.0' }),
      (error: Error) => {
        assert.match(JSON.stringify(error), /Document 2 of the corpus has the token id 5000/);
        return true;
      },
    );
  });
});
