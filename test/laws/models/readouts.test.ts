/**
 * Labels of classifiers and embeddings of texts: beside what the classes of transformers give (reference checkpoints under other heads),
 * and beside sentence-transformers' definitions of pooling in plain loops over their last hidden states.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { ablation } from '../../../diagnostics/circuits/ablation/analysis';
import { activationPatching } from '../../../diagnostics/circuits/activation-patching/analysis';
import { attribution } from '../../../diagnostics/circuits/attribution/analysis';
import { generatesWith } from '../../../diagnostics/shared/captions/support';
import { heads } from '../../../diagnostics/patterns/heads/analysis';
import { readoutField } from '../../../protocol/results/readout';
import { headsFinding } from '../../../protocol/results/sections/heads-finding';
import { headsSections } from '../../../protocol/results/sections/heads';
import { check } from '../../../protocol/schema/check';
import { objectiveAt } from '../../../diagnostics/shared/gradients/objective';
import { similarity } from '../../../diagnostics/model-runner/readout';
import { difference } from '../../support/reference/compare-model';
import { firstOf, readExpected, referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import { runnerOf } from '../../support/model-jobs';
import { writeSafetensors, type CheckpointTensor } from '../../support/safetensors-file';
import { resultFor } from '../analyses/one-run';

type Tensors = Map<string, CheckpointTensor>;
type Files = Readonly<Record<string, unknown>>;

const identity = (n: number): Float32Array =>
  Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
const labelsOf = (n: number) => ({
  id2label: Object.fromEntries(Array.from({ length: n }, (_, i) => [i, `label ${i}`])),
});

/** Tensors of a bare tower under the root of a whole one, without its pooler. */
const under = (root: string, tensors: Tensors): void => {
  for (const [name, tensor] of [...tensors]) {
    if (name.startsWith('pooler.')) continue;
    tensors.delete(name);
    tensors.set(root + name, tensor);
  }
};

/** A classifier whose labels are what it reads. */
const reading = (tensors: Tensors, name: string, width: number): void => {
  tensors.set(`${name}.weight`, { shape: [width, width], data: identity(width) });
  tensors.set(`${name}.bias`, { shape: [width], data: new Float32Array(width) });
};

const moved = (tensors: Tensors, from: string, to: string): void => {
  for (const of of ['weight', 'bias']) {
    const own = tensors.get(`${from}.${of}`) ?? assert.fail(from);
    tensors.delete(`${from}.${of}`);
    tensors.set(`${to}.${of}`, own);
  }
};

describe('labels and embeddings', () => {
  let room: string;
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-readouts-'));
  });
  after(() => rmSync(room, { recursive: true }));

  const referenceOf = (name: string) => referenceModels.find((each) => each.name === name);
  const expectedOf = (name: string, output: string) =>
    firstOf(readExpected(referenceOf(name) ?? assert.fail(name)).get(`output.${output}`) ?? assert.fail(output));
  const idsOf = (name: string) =>
    firstOf(readExpected(referenceOf(name) ?? assert.fail(name)).get('input.input_ids') ?? assert.fail()).data;

  /** A copy of a checkpoint with other weights, another config and files beside it. */
  async function opened(
    name: string,
    { config = {}, tensors, files = {} }: { config?: Files; tensors?: (own: Tensors) => void; files?: Files },
  ): Promise<LoadedModel> {
    const reference = referenceOf(name) ?? assert.fail(name);
    const folder = mkdtempSync(join(room, 'model-'));
    cpSync(reference.folder, folder, { recursive: true, mode: 0 });
    const own = readTensors(join(folder, 'model.safetensors'));
    tensors?.(own);
    for (const file of ['model.safetensors', 'config.json']) rmSync(join(folder, file), { force: true });
    writeSafetensors(join(folder, 'model.safetensors'), own);
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...reference.config, ...config }));
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      if (content instanceof Map) writeSafetensors(join(folder, path), content as Tensors);
      else writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  }

  const classifiers: readonly (readonly [
    what: string,
    name: string,
    config: Files,
    tensors: (own: Tensors) => void,
  ])[] = [
    [
      'BERT: its pooler, of the first token',
      'align--AlignTextModel',
      { model_type: 'bert', architectures: ['BertForSequenceClassification'], ...labelsOf(32) },
      (own) => {
        under('bert.', own);
        moved(own, 'pooler.dense', 'bert.pooler.dense');
        reading(own, 'classifier', 32);
      },
    ],
    [
      'RoBERTa: two maps, of the first token',
      'clap--ClapTextModel',
      { model_type: 'roberta', architectures: ['RobertaForSequenceClassification'], ...labelsOf(32) },
      (own) => {
        under('roberta.', own);
        moved(own, 'pooler.dense', 'classifier.dense');
        reading(own, 'classifier.out_proj', 32);
      },
    ],
  ];
  for (const [what, name, config, tensors] of classifiers) {
    if (!referenceOf(name)) continue;
    it(`${what}, as the class of transformers pools`, async () => {
      const model = await opened(name, { config, tensors });
      const { readout, facts } = runnerOf(model);
      assert.equal(facts.readout?.labels?.names[3], 'label 3');
      const [[logits] = []] = (await readout?.logits({ ids: idsOf(name) }, [[]])) ?? [];
      assert.ok(difference(logits ?? [], expectedOf(name, 'pooler_output').data, true) <= 1e-5);
      await model.sessions.release();
    });
  }

  const decoder = 'qwen2--Qwen2ForCausalLM--hard';
  if (referenceOf(decoder))
    it('a decoder: the last token behind the last norm, where the rows of its language head are labels', async () => {
      const model = await opened(decoder, {
        config: { architectures: ['Qwen2ForSequenceClassification'], ...labelsOf(99) },
        tensors: (own) => {
          own.set('score.weight', own.get('lm_head.weight') ?? own.get('model.embed_tokens.weight') ?? assert.fail());
          own.delete('lm_head.weight');
        },
      });
      const runner = runnerOf(model);
      assert.equal(runner.facts.predicts, false);
      const [[logits] = []] = (await runner.readout?.logits({ ids: idsOf(decoder) }, [[]])) ?? [];
      const all = expectedOf(decoder, 'logits').data;
      assert.ok(difference(logits ?? [], all.slice(-99), true) <= 1e-5);
      await model.sessions.release();
    });

  const encoder = 'bert_generation--BertGenerationEncoder';
  if (!referenceOf(encoder)) return;

  it('labels of tokens: every row', async () => {
    const name = 'align--AlignTextModel';
    const model = await opened(name, {
      config: { model_type: 'bert', architectures: ['BertForTokenClassification'], ...labelsOf(32) },
      tensors: (own) => {
        under('bert.', own);
        own.delete('pooler.dense.weight');
        own.delete('pooler.dense.bias');
        reading(own, 'classifier', 32);
      },
    });
    const [rows = []] = (await runnerOf(model).readout?.logits({ ids: idsOf(name) }, [[]])) ?? [];
    assert.ok(
      difference(
        rows.flatMap((row) => [...row]),
        expectedOf(name, 'last_hidden_state').data,
        true,
      ) <= 1e-5,
    );
    await model.sessions.release();
  });

  it('Look names the label of the text, of each token, the answer of a question, or the embedding', async () => {
    const name = 'clap--ClapTextModel';
    const [, [, , config = {}, tensors = assert.fail()] = []] = classifiers;
    const prompt = { kind: 'ids', ids: idsOf(name) } as const;
    const looked = async (own: Parameters<typeof opened>[1], of = name) => {
      const model = await opened(of, own);
      const parameters = { labels: false, pictures: false };
      const result = await resultFor(model, heads, { input: { kind: 'prompt', prompt }, parameters });
      await model.sessions.release();
      const read = check(readoutField, structuredClone(result.readout));
      assert.ok(read.ok, JSON.stringify(read));
      return { result, words: headsFinding(result), sections: headsSections(result) };
    };
    const pooled = expectedOf(name, 'pooler_output').data;
    const text = await looked({ config, tensors });
    const largest = pooled.indexOf(Math.max(...pooled));
    const share = Math.exp(pooled[largest] ?? 0) / pooled.reduce((sum, logit) => sum + Math.exp(logit), 0);
    assert.ok(
      text.words.startsWith(`The text is labelled "label ${largest}" (probability ${share.toPrecision(3)}). `),
      text.words,
    );
    assert.equal(text.sections[1]?.title, 'Labels of the text');
    const tokens = await looked({
      config: { ...config, architectures: ['RobertaForTokenClassification'] },
      tensors: (own) => {
        under('roberta.', own);
        reading(own, 'classifier', 32);
      },
    });
    assert.match(tokens.words, /^Tokens by label: "label \d+" \d/);
    assert.equal(tokens.sections[1]?.title, 'Label of each token');
    const span = await looked({
      config: { ...config, architectures: ['RobertaForQuestionAnswering'] },
      tensors: (own) => {
        under('roberta.', own);
        own.set('qa_outputs.weight', { shape: [2, 32], data: identity(32).slice(0, 64) });
        own.set('qa_outputs.bias', { shape: [2], data: new Float32Array(2) });
      },
    });
    assert.match(span.words, /^The answer is ".*", (from token \d to \d|token \d)\. /);
    const rows = expectedOf(name, 'last_hidden_state').data;
    const at = (row: number, end: 0 | 1): number => rows[row * 32 + end] ?? Number.NaN;
    const spans = idsOf(name).flatMap((_, i, all) => all.slice(i).map((__, j) => [i, i + j] as const));
    const [start, end] = spans.reduce((best, one) =>
      at(one[0], 0) + at(one[1], 1) > at(best[0], 0) + at(best[1], 1) ? one : best,
    );
    assert.ok(span.words.includes(start === end ? `token ${start}.` : `from token ${start} to ${end}.`), span.words);
    const vector = await looked(
      { files: { 'modules.json': modules('Pooling'), '1_Pooling/config.json': pooling('cls_token') } },
      encoder,
    );
    assert.match(vector.words, /^The embedding of the text has 32 numbers: the first token\. /);
    assert.equal(vector.result.readout?.embedding?.values.length, 32);
  });

  const modules = (...kinds: readonly string[]) =>
    ['Transformer', ...kinds].map((kind, idx) => ({
      ...{ idx, name: `${idx}`, path: kind === 'Transformer' ? '' : `${idx}_${kind}` },
      type: `sentence_transformers.models.${kind}`,
    }));
  const pooling = (...modes: readonly string[]) => ({
    word_embedding_dimension: 32,
    pooling_mode_mean_tokens: false,
    ...Object.fromEntries(modes.map((mode) => [`pooling_mode_${mode}`, true])),
  });
  const rowsOf = (): readonly (readonly number[])[] => {
    const { data } = expectedOf(encoder, 'last_hidden_state');
    return Array.from({ length: data.length / 32 }, (_, row) => data.slice(row * 32, (row + 1) * 32));
  };
  const columns = (of: (column: readonly number[]) => number): number[] =>
    Array.from({ length: 32 }, (_, i) => of(rowsOf().map((row) => row[i] ?? 0)));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

  const poolings: readonly (readonly [modes: readonly string[], expected: () => readonly number[]])[] = [
    [['cls_token'], () => rowsOf()[0] ?? []],
    [['lasttoken'], () => rowsOf().at(-1) ?? []],
    [['mean_tokens'], () => columns((column) => sum(column) / column.length)],
    [['mean_sqrt_len_tokens'], () => columns((column) => sum(column) / Math.sqrt(column.length))],
    [['max_tokens'], () => columns((column) => Math.max(...column))],
    [
      ['weightedmean_tokens'],
      () => columns((column) => sum(column.map((value, at) => (at + 1) * value)) / sum(column.map((_, at) => at + 1))),
    ],
    // In the order of the class, whatever that of the file.
    [['mean_tokens', 'cls_token'], () => [...(rowsOf()[0] ?? []), ...columns((column) => sum(column) / column.length)]],
  ];
  for (const [modes, expected] of poolings)
    it(`pooling: ${modes.join(' and ')}`, async () => {
      const files = { 'modules.json': modules('Pooling'), '1_Pooling/config.json': pooling(...modes) };
      const model = await opened(encoder, { files });
      const { readout, facts } = runnerOf(model);
      assert.equal(facts.readout?.embedding?.width, 32 * modes.length);
      const [embedding] = (await readout?.embeddings({ ids: idsOf(encoder) }, [[]])) ?? [];
      assert.ok(difference(embedding ?? [], expected(), true) <= 1e-5);
      await model.sessions.release();
    });

  const dense = {
    ...{ 'modules.json': modules('Pooling', 'Dense', 'Normalize'), '1_Pooling/config.json': pooling('mean_tokens') },
    '2_Dense/config.json': {
      ...{ in_features: 32, out_features: 3, bias: true },
      activation_function: 'torch.nn.modules.activation.Tanh',
    },
    '2_Dense/model.safetensors': new Map([
      ['linear.weight', { shape: [3, 32], data: Float32Array.from({ length: 96 }, (_, i) => Math.sin(i)) }],
      ['linear.bias', { shape: [3], data: Float32Array.from([0.1, -0.2, 0.3]) }],
    ]),
  };

  it('a dense layer and a norm behind the pooling', async () => {
    const model = await opened(encoder, { files: dense });
    const [embedding] = (await runnerOf(model).readout?.embeddings({ ids: idsOf(encoder) }, [[]])) ?? [];
    const vector = columns((column) => sum(column) / column.length);
    const made = [0.1, -0.2, 0.3].map((bias, row) =>
      Math.tanh(vector.reduce((total, x, i) => total + x * Math.fround(Math.sin(row * 32 + i)), Math.fround(bias))),
    );
    const length = Math.hypot(...made);
    assert.ok(
      difference(
        embedding ?? [],
        made.map((x) => x / length),
        true,
      ) <= 1e-5,
    );
    await model.sessions.release();
  });

  it('effects on a similarity: patches, gradients and ablations of one metric', async () => {
    const model = await opened(encoder, { files: dense });
    const runner = runnerOf(model);
    const ids = idsOf(encoder);
    const other = ids.map((id, at) => (at === 2 ? (id + 11) % 90 : id));
    const compared = ids.slice(0, 4).map((id) => (id + 3) % 90);
    const [one, two, three] = await Promise.all(
      [ids, other, compared].map(
        async (own) => (await runner.readout?.embeddings({ ids: own }, [[]]))?.[0] ?? assert.fail(),
      ),
    );
    const input = {
      kind: 'prompt-pair',
      prompt: { kind: 'ids', ids },
      counterpart: { kind: 'ids', ids: other },
    } as const;
    const answer = compared.map((id) => `#${id}`).join(' ');
    const parameters = { answer };
    const patched = await resultFor(model, activationPatching, {
      input,
      parameters: { ...parameters, site: 'residual', columns: 'whole', leastGap: 0 },
    });
    assert.equal(patched.metric, 'similarity');
    assert.match(activationPatching.finding(patched), /similarity to "#/);
    assert.doesNotMatch(activationPatching.finding(patched), /do worse/);
    assert.ok(Math.abs(patched.clean.mean - similarity(one!, three!)) < 1e-6);
    assert.ok(Math.abs(patched.corrupted.mean - similarity(two!, three!)) < 1e-6);
    for (const effect of patched.effect.flat()) assert.ok(Math.abs(effect - 1) < 1e-3, `${effect}`);
    const removed = await resultFor(model, ablation, {
      input: { kind: 'prompt', prompt: input.prompt },
      parameters: { answer },
    });
    assert.ok(Math.abs(removed.baseline.mean - similarity(one!, three!)) < 1e-6);
    const attributed = await resultFor(model, attribution, { input, parameters });
    assert.equal(attributed.metric, 'similarity');
    await model.sessions.release();
  });

  for (const metric of ['similarity', 'logit', 'logit-difference', 'probability', 'loss'] as const)
    it(`the gradient of the ${metric} with respect to each head is its central difference`, async () => {
      const name = metric === 'similarity' ? encoder : 'clap--ClapTextModel';
      const [, , config = {}, tensors] = classifiers[1] ?? [];
      const model = await opened(
        name,
        metric === 'similarity' ? { files: dense } : { config, ...(tensors ? { tensors } : {}) },
      );
      const runner = runnerOf(model);
      const ids = idsOf(name);
      const [embedding] =
        metric === 'similarity' ? ((await runner.readout?.embeddings({ ids: [5, 9, 3] }, [[]])) ?? []) : [];
      const asked = [{ row: 0, tokens: [4, 7] }];
      const subject = { sequence: { ids }, asked, right: 1, ...(embedding ? { embedding } : {}) };
      const objective = await objectiveAt(runner, { ids }, subject, { metric, variant: [] });
      const { layers } = await runner.gradients({ ids, objective, headGains: true });
      const valueOf = async (layer: number, head: number, gain: number): Promise<number> => {
        const variant = [{ kind: 'gain', layer, head, gain }] as const;
        if (embedding)
          return similarity((await runner.readout?.embeddings({ ids }, [variant]))?.[0] ?? assert.fail(), embedding);
        const [[found] = []] = await runner.answers({ ids }, asked, [variant]);
        const { logits: [a = 0, b = 0] = [], logSumExp = 0 } = found ?? {};
        return metric === 'logit'
          ? a
          : metric === 'logit-difference'
            ? a - b
            : metric === 'loss'
              ? logSumExp - a
              : Math.exp(a - logSumExp);
      };
      const found: number[] = [];
      const expected: number[] = [];
      for (const { layer, headGains } of layers)
        for (const [head, gradient] of (headGains ?? []).entries()) {
          found.push(gradient);
          expected.push(((await valueOf(layer, head, 1.02)) - (await valueOf(layer, head, 0.98))) / 0.04);
        }
      assert.ok(found.length >= 8);
      assert.ok(difference(found, expected, true) <= 5e-3, `${found.join()} and ${expected.join()}`);
      await model.sessions.release();
    });

  for (const [what, files, sentence] of [
    [
      'an unknown mode',
      { '1_Pooling/config.json': pooling('attention') },
      /1_Pooling\/config\.json names the pooling mode "attention", and Headscope knows cls, max, mean/,
    ],
    ['no mode', { '1_Pooling/config.json': pooling() }, /switches every mode of pooling off/],
    [
      'another width',
      { '1_Pooling/config.json': { ...pooling('cls_token'), word_embedding_dimension: 384 } },
      /pools rows of 384 numbers, and the model has rows of 32/,
    ],
    ['no JSON', { '1_Pooling/config.json': '{"pooling' }, /1_Pooling\/config\.json cannot be read/],
    ['no file', {}, /1_Pooling\/config\.json is missing, and modules\.json names it/],
    [
      'an unknown module',
      { 'modules.json': modules('LSTM') },
      /modules\.json has a module "LSTM" where Headscope follows/,
    ],
  ] as const)
    it(`a model opens beside a pooling of ${what}, and says why it makes no embeddings`, async () => {
      const model = await opened(encoder, { files: { 'modules.json': modules('Pooling'), ...files } });
      assert.equal(runnerOf(model).readout, undefined);
      assert.ok(
        model.summary.notes?.some((note) => sentence.test(note)),
        model.summary.notes?.join(' '),
      );
      await model.sessions.release();
    });

  it('a classifier writes no text, which is said with what it gives', async () => {
    const [[, bert, config, tensors] = assert.fail()] = classifiers;
    const model = await opened(bert, { config, tensors });
    assert.deepEqual(
      generatesWith(runnerOf(model).facts, () => {}),
      { ok: false, why: 'The model gives labels and predicts no tokens. Choose one that generates text.' },
    );
    await model.sessions.release();
  });

  it('a label that is not there, and the difference of one with itself, are refused', async () => {
    const [[, bert, config, tensors] = assert.fail()] = classifiers;
    const model = await opened(bert, { config, tensors });
    const input = { kind: 'prompt', prompt: { kind: 'ids', ids: idsOf(bert) } } as const;
    const found = (parameters: Readonly<Record<string, string>>) => resultFor(model, ablation, { input, parameters });
    await assert.rejects(found({ answer: 'joy' }), /There is no label "joy"\. The model has 32 labels: /);
    await assert.rejects(found({ answer: 'Label 1', against: '#1' }), /are the same label/);
    await model.sessions.release();
  });

  it('heads of another number of labels are refused with both numbers, whatever their kind', async () => {
    const of = (name: string, config: Files, tensors: (own: Tensors) => void) => opened(name, { config, tensors });
    const [[, bert, config, tensors] = assert.fail()] = classifiers;
    await assert.rejects(
      of(bert, { ...config, ...labelsOf(5) }, tensors),
      /names 5 labels, and classifier\.weight has 32/,
    );
    await assert.rejects(
      of(bert, { ...config, architectures: ['BertForTokenClassification'], ...labelsOf(7) }, tensors),
      /names 7 labels, and classifier\.weight has 32/,
    );
    await assert.rejects(
      of(decoder, { architectures: ['Qwen2ForSequenceClassification'], ...labelsOf(3) }, (own) => {
        own.set('score.weight', { shape: [2, 48], data: new Float32Array(96) });
      }),
      /names 3 labels, and score\.weight has 2/,
    );
  });
});
