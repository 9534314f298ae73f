/** Labels of classifiers against the definitions of their classes, from streams of models that are compared with their classes elsewhere. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { encodedSource } from '../../../compute-server/model/prompt/source';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { heads } from '../../../diagnostics/patterns/heads/analysis';
import { headsSections } from '../../../protocol/results/sections/heads';
import { headsFinding } from '../../../protocol/results/sections/heads-finding';
import type { FailureError } from '../../../protocol/wire/failures';
import { dense, gelu, layerNorm, relu, someNumbers, type Rows } from '../../support/reference/class-heads';
import { difference } from '../../support/reference/compare-model';
import { firstOf, readExpected, referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import type { Tensors } from '../../support/reference/variant-tensors';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from '../analyses/one-run';
import { writeSafetensors } from '../../support/safetensors-file';

interface Case {
  readonly of: string;
  readonly class: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Names of the maps of the head; the last has a row for each label. */
  readonly maps: readonly string[];
  /** Maps without a bias, and norms of the head, which have none either. */
  readonly plain?: readonly string[];
  readonly norms?: readonly string[];
  /** Tensors of the head that is replaced. */
  readonly without?: RegExp;
  /** Labels from rows after the last norm. */
  readonly labels: (tensors: Tensors, rows: Rows) => Rows;
}

const labels = 4;
const first = (rows: Rows) => rows[0] ?? assert.fail();
const last = (rows: Rows) => rows.at(-1) ?? assert.fail();
const mean = (rows: Rows): readonly number[] =>
  first(rows).map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? NaN), 0) / rows.length);
const each = (name: string) => (tensors: Tensors, rows: Rows) => rows.map((row) => dense(tensors, name, row));

const ofModernBert = (tensors: Tensors, row: readonly number[]) =>
  dense(tensors, 'classifier', layerNorm(tensors, 'head.norm', dense(tensors, 'head.dense', row).map(gelu), 1e-5));
const modernBert = {
  of: 'modernbert--ModernBertForMaskedLM',
  maps: ['head.dense', 'classifier'],
  plain: ['head.dense'],
  norms: ['head.norm'],
  without: /^(head|decoder)\./,
} as const;
const pair = (of: string, className: string): Case => ({
  of,
  class: className,
  maps: ['classification_head.dense', 'classification_head.out_proj'],
  labels: (tensors, rows) => [
    dense(
      tensors,
      'classification_head.out_proj',
      dense(tensors, 'classification_head.dense', last(rows)).map(Math.tanh),
    ),
  ],
});

const cases: readonly Case[] = [
  {
    of: 'distilbert--DistilBertForMaskedLM',
    class: 'DistilBertForSequenceClassification',
    maps: ['pre_classifier', 'classifier'],
    without: /^vocab_/,
    labels: (tensors, rows) => [dense(tensors, 'classifier', dense(tensors, 'pre_classifier', first(rows)).map(relu))],
  },
  {
    of: 'distilbert--DistilBertForMaskedLM',
    class: 'DistilBertForTokenClassification',
    maps: ['classifier'],
    without: /^vocab_/,
    labels: each('classifier'),
  },
  {
    of: 'albert--AlbertForMaskedLM',
    class: 'AlbertForSequenceClassification',
    maps: ['albert.pooler', 'classifier'],
    without: /^predictions\./,
    labels: (tensors, rows) => [
      dense(tensors, 'classifier', dense(tensors, 'albert.pooler', first(rows)).map(Math.tanh)),
    ],
  },
  {
    of: 'longformer--LongformerForMaskedLM',
    class: 'LongformerForSequenceClassification',
    maps: ['classifier.dense', 'classifier.out_proj'],
    without: /^lm_head/,
    labels: (tensors, rows) => [
      dense(tensors, 'classifier.out_proj', dense(tensors, 'classifier.dense', first(rows)).map(Math.tanh)),
    ],
  },
  {
    of: 'fnet--FNetForMaskedLM',
    class: 'FNetForSequenceClassification',
    maps: ['fnet.pooler.dense', 'classifier'],
    without: /^cls\./,
    labels: (tensors, rows) => [
      dense(tensors, 'classifier', dense(tensors, 'fnet.pooler.dense', first(rows)).map(Math.tanh)),
    ],
  },
  {
    of: 'mobilebert--MobileBertForMaskedLM',
    class: 'MobileBertForSequenceClassification',
    maps: ['mobilebert.pooler.dense', 'classifier'],
    without: /^cls\./,
    labels: (tensors, rows) => [
      dense(tensors, 'classifier', dense(tensors, 'mobilebert.pooler.dense', first(rows)).map(Math.tanh)),
    ],
  },
  {
    of: 'mobilebert--MobileBertForMaskedLM',
    class: 'MobileBertForSequenceClassification',
    config: { classifier_activation: false },
    maps: ['classifier'],
    without: /^cls\./,
    labels: (tensors, rows) => [dense(tensors, 'classifier', first(rows))],
  },
  {
    of: 'electra--ElectraForCausalLM',
    class: 'ElectraForSequenceClassification',
    maps: ['classifier.dense', 'classifier.out_proj'],
    without: /^generator_/,
    labels: (tensors, rows) => [
      dense(tensors, 'classifier.out_proj', dense(tensors, 'classifier.dense', first(rows)).map(gelu)),
    ],
  },
  {
    of: 'deberta_v2--DebertaV2ForMaskedLM',
    class: 'DebertaV2ForSequenceClassification',
    config: { pooler_hidden_act: 'gelu' },
    maps: ['pooler.dense', 'classifier'],
    without: /^cls\./,
    labels: (tensors, rows) => [dense(tensors, 'classifier', dense(tensors, 'pooler.dense', first(rows)).map(gelu))],
  },
  {
    of: 'deberta_v2--DebertaV2ForMaskedLM',
    class: 'DebertaV2ForTokenClassification',
    maps: ['classifier'],
    without: /^cls\./,
    labels: each('classifier'),
  },
  {
    ...modernBert,
    class: 'ModernBertForSequenceClassification',
    config: { classifier_pooling: 'mean' },
    labels: (tensors, rows) => [ofModernBert(tensors, mean(rows))],
  },
  {
    ...modernBert,
    class: 'ModernBertForSequenceClassification',
    config: { classifier_pooling: 'cls' },
    labels: (tensors, rows) => [ofModernBert(tensors, first(rows))],
  },
  {
    ...modernBert,
    class: 'ModernBertForTokenClassification',
    labels: (tensors, rows) => rows.map((row) => ofModernBert(tensors, row)),
  },
  {
    of: 'xlnet--XLNetLMHeadModel',
    class: 'XLNetForSequenceClassification',
    maps: ['sequence_summary.summary', 'logits_proj'],
    without: /^lm_loss/,
    labels: (tensors, rows) => [
      dense(tensors, 'logits_proj', dense(tensors, 'sequence_summary.summary', last(rows)).map(Math.tanh)),
    ],
  },
  pair('bart--BartForConditionalGeneration', 'BartForSequenceClassification'),
  pair('t5--T5ForConditionalGeneration', 'T5ForSequenceClassification'),
  ...(
    [
      ['gpt2--GPT2LMHeadModel', 'GPT2ForSequenceClassification'],
      ['llama--LlamaForCausalLM', 'LlamaForSequenceClassification'],
    ] as const
  ).map(([of, className]) => ({
    ...{ of, class: className, maps: ['score'], plain: ['score'], without: /^lm_head/ },
    labels: (tensors: Tensors, rows: Rows) => [dense(tensors, 'score', last(rows))],
  })),
];

describe('labels of classifiers are those of their classes', () => {
  let room: string;
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-heads-'));
  });
  after(() => rmSync(room, { recursive: true }));

  /** The model of a folder under the head of a class. */
  async function opened(one: Case, folder: string): Promise<{ model: LoadedModel; tensors: Tensors }> {
    const { config, folder: from } = referenceModels.find(({ name }) => name === one.of) ?? assert.fail();
    cpSync(from, folder, { recursive: true, dereference: true, mode: 0 });
    const tensors = readTensors(join(folder, 'model.safetensors'));
    for (const name of [...tensors.keys()]) if (one.without?.test(name)) tensors.delete(name);
    const width = Number(['hidden_size', 'dim', 'd_model', 'n_embd'].map((key) => config[key]).find((size) => size));
    one.maps.forEach((name, at) => {
      const outputs = at === one.maps.length - 1 ? labels : width;
      tensors.set(`${name}.weight`, someNumbers([outputs, width], at));
      if (!one.plain?.includes(name)) tensors.set(`${name}.bias`, someNumbers([outputs], at + 0.5));
    });
    for (const name of one.norms ?? []) tensors.set(`${name}.weight`, someNumbers([width], 3));
    for (const file of ['model.safetensors', 'config.json']) rmSync(join(folder, file), { force: true });
    writeSafetensors(join(folder, 'model.safetensors'), tensors);
    const id2label = Object.fromEntries(Array.from({ length: labels }, (_, i) => [i, `label ${i}`]));
    const own = { ...config, ...one.config, architectures: [one.class], id2label };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(own));
    return { model: await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 }), tensors };
  }

  /** Rows of the last stream after the last norm, in float64. */
  async function rowsOf(model: LoadedModel, tensors: Tensors, ids: readonly number[], source?: readonly number[]) {
    const { spec, sessions } = model;
    const read =
      source && model.source
        ? { source: { ids: source, stream: await encodedSource(model.source, { ids: source }, { memoryLimit: 4e9 }) } }
        : {};
    const run = await runPrompt(spec, sessions, { ...read, ids, chunk: ids.length, logits: 'none', keepLast: true });
    const stream = run.last?.chunks[0] ?? assert.fail();
    const width = spec.hiddenSize;
    const rows = Array.from({ length: ids.length }, (_, at) => [...stream.subarray(at * width, (at + 1) * width)]);
    const { norm } = spec.head;
    if (!norm) return rows;
    const name = norm.weight?.replace(/\.weight$/, '') ?? assert.fail();
    if (norm.kind === 'layer') return rows.map((row) => layerNorm(tensors, name, row, norm.epsilon));
    const weight = tensors.get(`${name}.weight`)?.data ?? assert.fail();
    return rows.map((row) => {
      const size = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / width + norm.epsilon);
      return row.map((x, i) => (x / size) * (weight[i] ?? NaN));
    });
  }

  for (const one of [
    { ...pair('bart--BartForConditionalGeneration', 'BartForQuestionAnswering'), maps: ['qa_outputs'] },
    // Its decoder begins with the token that ends the text.
    pair('mbart--MBartForConditionalGeneration', 'MBartForSequenceClassification'),
  ]) {
    if (!referenceModels.some(({ name }) => name === one.of)) continue;
    it(`${one.class} is refused`, async () => {
      const sentence = new RegExp(`^${one.class} has a head on its decoder that Headscope does not compute\\.`);
      await assert.rejects(opened(one, join(room, one.class)), ({ failure }: FailureError) => {
        assert.match('detail' in failure ? String(failure.detail) : '', sentence);
        return true;
      });
    });
  }

  for (const [at, one] of cases.entries()) {
    const reference = referenceModels.find(({ name }) => name === one.of);
    if (!reference) continue;
    it(`${one.class}${one.config ? ` ${JSON.stringify(one.config)}` : ''}`, async () => {
      const { model, tensors } = await opened(one, join(room, String(at)));
      const runner = runnerOf(model);
      const given = firstOf(readExpected(reference).get('input.input_ids') ?? assert.fail()).data;
      const end = Number(reference.config['eos_token_id']);
      // The class reads the last token that ends a text, at any position.
      const ids = model.source ? [...given.filter((id) => id !== end).slice(0, 4), end, 7, 8] : given;
      const sequence = await runner.prompt({ kind: 'ids', ids });
      if (model.source)
        assert.deepEqual(sequence.ids, [reference.config['decoder_start_token_id'], ...ids.slice(0, 4)]);
      const found = (await runner.readout?.logits(sequence, [[]]))?.[0] ?? assert.fail();
      const expected = one.labels(tensors, await rowsOf(model, tensors, sequence.ids, model.source && ids));
      assert.equal(runner.facts.readout?.labels?.names.join(), 'label 0,label 1,label 2,label 3');
      assert.equal(found.length, expected.length);
      const error = difference(
        found.flatMap((row) => [...row]),
        expected.flat(),
        true,
      );
      assert.ok(error <= 1e-6, `labels differ by ${error}`);
      if (model.source) {
        const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
        const look = await resultFor(model, heads, { input, parameters: { labels: false, pictures: false } });
        assert.deepEqual(look.readout?.labels?.logits, [[...(found[0] ?? [])]]);
        assert.match(headsFinding(look), /^The text is labelled "label \d" \(probability [\d.]+\)\. Cross-attention: /);
        assert.ok(headsSections(look).some(({ title }) => title === 'Labels of the text'));
        const without = { kind: 'ids', ids: ids.filter((id) => id !== end) } as const;
        await assert.rejects(runner.prompt(without), (thrown: FailureError) =>
          /ends the text/.test(String(thrown.message)),
        );
      }
      await model.sessions.release();
      await model.source?.sessions.release();
    });
  }
});
