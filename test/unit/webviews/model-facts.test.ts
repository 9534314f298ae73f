import assert from 'node:assert/strict';
import type { ModelFacts } from '../../../protocol/language/requests';
import type { ShownModel } from '../../../protocol/panels/model';
import { amountWords, comparedFacts, factsOf } from '../../../webviews/panels/model/facts';
import { comparisonSentence, modelSentence, sentenceOf } from '../../../webviews/panels/model/sentences';
import { duration } from '../../../webviews/panels/model/serving-words';
import { sharesOf } from '../../../webviews/panels/model/split';
import { initialState, keep, parseKept, receive } from '../../../webviews/panels/model/state';
import { binaryBytes, operations, parameterCount, times } from '../../../webviews/panels/model/units';
import { exampleModel } from '../../support/model-facts';
import { facts, part } from '../extension/samples';

const shown = (label: string, change: Partial<ModelFacts> = {}): ShownModel => ({
  label,
  path: `models/${label}/config.json`,
  facts: facts({ uri: `file:///models/${label}/config.json`, ...change }),
});
const textOf = (model: ShownModel, id: string): string | undefined =>
  factsOf(model).find((fact) => fact.id === id)?.text;

describe('numbers of model facts', () => {
  it('are written in three digits with their unit', () => {
    assert.equal(binaryBytes(131_072), '128 KiB');
    assert.equal(binaryBytes(512), '512 bytes');
    assert.equal(binaryBytes(17_179_869_184), '16 GiB');
    assert.equal(parameterCount(8_030_261_248), '8.03 B');
    assert.equal(parameterCount(576), '576');
    assert.equal(operations(16_100_000_000), '16.1 GFLOP');
    assert.equal(times(4), '4.0x');
    assert.equal(times(128), '128x');
  });

  it('are times in the unit that keeps them short', () => {
    assert.deepEqual([2, 0.0032, 1e-3, 80.3e-6, 4.89e-9, 0].map(duration), [
      '2.00 s',
      '3.20 ms',
      '1.00 ms',
      '80.3 µs',
      '4.89 ns',
      '0 ms',
    ]);
  });

  it('differ by a ratio, a percentage or a count', () => {
    assert.equal(amountWords(128, 512, 'ratio'), '4.0x less');
    assert.equal(amountWords(512, 128, 'ratio'), '4.0x more');
    assert.equal(amountWords(100, 103, 'ratio'), '2.9 % less');
    assert.equal(amountWords(103, 100, 'ratio'), '3 % more');
    assert.equal(amountWords(32, 26, 'difference'), '6 more');
    assert.equal(amountWords(26, 32, 'difference'), '6 fewer');
  });
});

describe('the facts of a model', () => {
  // Published figures: Llama 3.1 8B has 8,030,261,248 parameters, 32 layers with 8 key/value heads of 128 in bfloat16.
  const llama = exampleModel('Llama-3.1-8B');

  it('are those that were published', () => {
    assert.equal(factsOf(llama).find(({ id }) => id === 'parameters')?.value, 8_030_261_248);
    assert.equal(factsOf(llama).find(({ id }) => id === 'kv')?.value, 32 * 2 * 8 * 128 * 2);
    assert.equal(textOf(llama, 'kv@131072'), '16 GiB');
    assert.equal(textOf(llama, 'main.attention'), 'Grouped-query 4:1');
    assert.equal(textOf(llama, 'vocabulary'), '128,256 tokens');
  });

  it('have one id each and a meaning', () => {
    for (const name of ['Llama-3.1-8B', 'gemma-2-2b', 'DeepSeek-V2-Lite', 'gpt2', 'faulty']) {
      const rows = factsOf(exampleModel(name));
      assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length, name);
      for (const { meaning, title } of rows) assert.ok(meaning.length > 10, title);
    }
  });

  it('leave out what is not known instead of guessing', () => {
    const rows = factsOf(shown('unknown'));
    for (const id of ['parameters', 'active', 'weights', 'kv', 'flops', 'vocabulary']) {
      assert.equal(
        rows.find((row) => row.id === id),
        undefined,
        id,
      );
    }
  });

  it('say how many experts a token leaves out', () => {
    const deepseek = exampleModel('DeepSeek-V2-Lite');
    const { total, active } = deepseek.facts.parameters ?? { total: 0, active: 0 };
    assert.ok(active < total);
    assert.equal(textOf(deepseek, 'active'), parameterCount(active));
    assert.equal(textOf(llama, 'active'), 'all');
  });

  it('name a range where layers have other numbers of heads', () => {
    const model = shown('mixed', {
      parts: [
        part({
          layers: [
            { kind: 'full', heads: 16, kvHeads: 4 },
            { kind: 'full', heads: 40, kvHeads: 4 },
          ],
        }),
      ],
    });
    assert.equal(textOf(model, 'main.heads'), '16 to 40');
  });

  it('tell a supported architecture from a model that runs here', () => {
    const runs = (model: ShownModel) => {
      const row = (id: string) => factsOf(model).find((fact) => fact.id === id);
      return [row('supported')?.text, row('runs')?.text, row('runs')?.detail];
    };
    assert.deepEqual(runs(exampleModel('faulty')), [
      'yes',
      'no',
      'The configuration has 2 errors; see the Problems panel.',
    ]);
    assert.deepEqual(runs(llama), [
      'yes',
      'no',
      'There are no weights beside the configuration; put its .safetensors files there.',
    ]);
    assert.deepEqual(runs(shown('here', { supported: true, weightBytes: 4096 })), ['yes', 'yes', undefined]);
    const alone = shown('alone', { supported: true, unread: 'Pictures are not read.', weightBytes: 4096 });
    assert.deepEqual(runs(alone), ['as a text model', 'yes', undefined]);
    assert.deepEqual(runs(shown('other', { supported: 'No graph for it.', weightBytes: 4096 })), [
      'no',
      'no',
      'Its architecture is not supported.',
    ]);
  });

  it('are split by part into shares that add up', () => {
    const { parameters } = llama.facts;
    assert.ok(parameters);
    const shares = sharesOf(parameters);
    assert.equal(
      shares.reduce((sum, { count }) => sum + count, 0),
      parameters.total,
    );
    assert.ok(Math.abs(shares.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-12);
  });
});

describe('the sentence on a model', () => {
  it('names the attention and its two costs', () => {
    assert.equal(
      modelSentence(exampleModel('Llama-3.1-8B')),
      'Llama-3.1-8B: grouped-query attention 4:1, 32 heads of 128, 32 layers; 8.03 B parameters, 128 KiB of KV cache per token.',
    );
  });

  it('keeps a title as it is when there are no layers', () => {
    const model = shown('x', { sentence: 'GPT-2.', parts: [part({ layers: [] })] });
    assert.equal(modelSentence(model), 'x: GPT-2.');
  });

  it('is there in each state', () => {
    assert.match(sentenceOf({ state: 'loading', name: 'gpt2' }), /^Reading gpt2/);
    assert.equal(sentenceOf({ state: 'failed', name: 'x', sentence: 'It failed.' }), 'It failed.');
  });
});

describe('the comparison of two models', () => {
  const kv = (bytes: number, change: Partial<ModelFacts> = {}): Partial<ModelFacts> => ({
    kvBytesPerToken: bytes,
    dtype: 'bfloat16',
    ...change,
  });

  it('makes the one with less cache the subject, whichever comes first', () => {
    const small = shown('small', kv(32_768));
    const large = shown('large', kv(131_072));
    const expected = 'small keeps 4.0x less KV cache per token than large (32 KiB against 128 KiB).';
    assert.equal(comparisonSentence(small, large), expected);
    assert.equal(comparisonSentence(large, small), expected);
  });

  it('says the ratio at length where windows change it', () => {
    const windowed = shown('windowed', kv(65_536, { kvBytes: [{ length: 8192, bytes: 2 ** 27 }] }));
    const full = shown('full', kv(131_072, { kvBytes: [{ length: 8192, bytes: 2 ** 30 }] }));
    assert.match(comparisonSentence(windowed, full), /2\.0x less .*, at 8,192 tokens 8\.0x less\.$/);
  });

  it('says when the number formats are not the same, and the ratio in one', () => {
    const single = shown('single', kv(200, { cache: { dtype: 'float32', assumptions: [] } }));
    const half = shown('half', kv(150, { cache: { dtype: 'bfloat16', assumptions: [] } }));
    assert.match(
      comparisonSentence(single, half),
      /^half keeps 1\.3x less .* \(150 bytes in bfloat16 against 200 bytes in float32; in one number format 1\.5x more\)/,
    );
  });

  it('falls back on the parameters when the caches do not differ or are missing', () => {
    const count = (total: number): Partial<ModelFacts> => ({ parameters: { total, active: total, parts: [] } });
    assert.match(
      comparisonSentence(shown('a', kv(1024, count(2e9))), shown('b', kv(1024, count(1e9)))),
      /^a and b keep the same KV cache per token \(1 KiB\); a has 2\.0x more parameters \(2 B against 1 B\)\.$/,
    );
    assert.match(comparisonSentence(shown('a'), shown('b', kv(1024))), /^b keeps a KV cache .* a keeps none\.$/);
    assert.match(comparisonSentence(shown('a'), shown('b')), /^Neither a nor b keeps a KV cache\.$/);
  });

  it('tells two models of one name apart by their paths', () => {
    const a = { ...shown('same', kv(1024)), path: 'one/same/config.json' };
    const b = { ...shown('same', kv(2048)), path: 'two/same/config.json' };
    assert.match(comparisonSentence(a, b), /^one\/same\/config\.json keeps 2\.0x less .* than two\/same\/config\.json/);
  });

  it('puts the same fact of both into one row, and marks what differs', () => {
    const rows = comparedFacts(exampleModel('gemma-2-2b'), exampleModel('Llama-3.1-8B'));
    const row = (id: string) => rows.find((one) => one.id === id);
    assert.equal(row('main.layers')?.difference, '6 fewer');
    assert.equal(row('main.headDim')?.difference, '2.0x more');
    assert.equal(row('main.attention')?.difference, 'differs');
    assert.equal(row('runs')?.differs, false);
    assert.equal(row('main.kind full attention')?.difference, '19 fewer');
    assert.equal(row('kv@131072')?.first, undefined);
    const order = rows.map(({ id }) => id).filter((id) => id.startsWith('kv@'));
    assert.deepEqual(order, ['kv@2048', 'kv@8192', 'kv@131072']);
    assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
  });

  it('finds no difference between a model and itself', () => {
    const model = exampleModel('DeepSeek-V2-Lite');
    assert.deepEqual(
      comparedFacts(model, model).filter(({ differs }) => differs),
      [],
    );
  });
});

describe('the state of the Model panel', () => {
  it('keeps which models it shows, also while another is read', () => {
    const model = shown('a');
    const show = (content: Parameters<typeof sentenceOf>[0]) =>
      ({ kind: 'show', content, actions: { benchmark: true }, headscope: '0' }) as const;
    const first = receive(initialState('full'), show({ state: 'model', model }));
    const kept = keep(first, undefined);
    assert.deepEqual(kept.uris, [model.facts.uri]);
    const loading = receive(first, show({ state: 'loading', name: 'b' }));
    assert.deepEqual(keep(loading, kept).uris, [model.facts.uri]);
    assert.deepEqual(parseKept(JSON.parse(JSON.stringify(kept))), kept);
  });

  it('takes nothing from what another version kept', () => {
    for (const value of [undefined, null, 3, {}, { uris: [1], view: {} }, { uris: [], view: { open: null } }]) {
      assert.equal(parseKept(value), undefined);
    }
  });
});

describe('a GGUF file beside the checkpoint it was made of', () => {
  const rope = { theta: 500_000, dimensions: 128, scaling: 'llama3 x 8' };
  const checkpoint = shown('Llama-3.1-8B', {
    parts: [part({ rope })],
    dtype: 'bfloat16',
    weightBytes: 16_060_522_496,
    bitsPerWeight: 16,
    formats: [{ name: 'BF16', weights: 8_030_261_248, bytes: 16_060_522_496 }],
    supported: true,
  });
  const gguf = shown('Llama-3.1-8B-Q4_K_M', {
    parts: [part({ rope: { ...rope, scaling: 'llama3' } })],
    dtype: 'float16',
    sentence: 'GGUF Q4_K_M, grouped-query attention 4:1, 32 heads of 128, 32 layers.',
    weightBytes: 4_912_898_304,
    bitsPerWeight: 4.894,
    formats: [
      { name: 'Q4_K', weights: 1, bytes: 3_000_000_000 },
      { name: 'Q6_K', weights: 1, bytes: 1_900_000_000 },
    ],
    file: {
      kind: 'gguf',
      title: 'GGUF Q4_K_M',
      details: [{ title: 'Tokenizer', text: '128,256 tokens' }],
      notes: ['A note.'],
    },
    supported: 'Headscope does not run GGUF files of the architecture "x" yet.',
  });
  const rows = comparedFacts(checkpoint, gguf);
  const row = (id: string): readonly (string | undefined)[] => {
    const found = rows.find((one) => one.id === id);
    return [found?.first?.text, found?.second?.text, found?.difference];
  };

  it('meets it in the rows of heads, layers, context, rotation, bytes and bits', () => {
    for (const id of ['main.heads', 'main.kvHeads', 'main.layers', 'main.context', 'main.ropeTheta']) {
      assert.equal(row(id)[2], 'same', id);
    }
    assert.deepEqual(row('main.ropeScaling'), ['llama3 x 8', 'llama3', 'differs']);
    assert.deepEqual(row('bits'), ['16', '4.894', '3.3x more']);
    assert.deepEqual(row('weights'), ['15 GiB', '4.58 GiB', '3.3x more']);
    assert.deepEqual(row('dtype'), ['bfloat16', 'Q4_K', 'differs']);
    assert.deepEqual(row('format Q6_K'), [undefined, '1.77 GiB', 'second only']);
    assert.deepEqual(row('file.Kind'), [undefined, 'GGUF Q4_K_M', 'second only']);
    assert.deepEqual(row('runs'), ['yes', 'no', 'differs']);
  });

  it('is named by what it is', () => {
    assert.equal(
      modelSentence(gguf),
      'Llama-3.1-8B-Q4_K_M: GGUF Q4_K_M, grouped-query attention 4:1, 32 heads of 128, 32 layers.',
    );
  });
});
