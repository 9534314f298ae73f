import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TextLibrary } from '../../../../compute-server/model/text/text-library';
import { GgufBudget } from '../../../../models/formats/gguf/budget';
import { metadataOf, readGgufParts } from '../../../../models/formats/gguf/read-gguf';
import { isTokenizerKey } from '../../../../models/formats/gguf/token-keys';
import { ggufTokenizer, type GgufTokenizer } from '../../../../models/formats/gguf/tokenizer';
import { corpus as corpusFolder } from '../../../support/corpus';
import { ggufFile, list, u32, type Value } from '../../../support/gguf-file';
import { vocabularyOf } from '../../../support/gguf-vocabulary';

const texts = [
  'The capital of France is Paris, and 12345 + 67 = 12412.',
  "I'd say: it's (x_1)[0] != y->z; /* ok */",
  'def f(x: int) -> str:\n    return f"{x:>10}"  # comment\n\n\nfor i in range(10):\n\tprint(i)',
  'Привет, мир! 你好，世界。 مرحبا بالعالم ١٢٣',
  'emoji: 😀🚀 naïve café',
  '  a',
];

/** The ids that llama.cpp gives these texts with demo-lm's vocabulary (node-llama-cpp 3.21.1, recorded 2026-12-01). */
const ofLlamaCpp: readonly (readonly [string, readonly number[]])[] = [
  [
    'The capital of France is Paris, and 12345 + 67.',
    [264, 591, 278, 1257, 279, 1259, 47, 275, 35, 52, 53, 54, 55, 56, 35, 46, 35, 57, 58, 49],
  ],
  [
    "I'd say: it's (x_1)[0] != y->z;\n\n\tok  ",
    [
      76, 42, 103, 715, 61, 334, 817, 582, 123, 98, 52, 44, 94, 51, 96, 35, 36, 64, 299, 48, 65, 125, 62, 13, 13, 12,
      114, 110, 301,
    ],
  ],
  [
    'Привет 你好 مرحبا नमस्ते 😀 é',
    [
      211, 162, 212, 131, 211, 187, 211, 181, 211, 184, 212, 133, 35, 231, 192, 163, 232, 168, 192, 35, 220, 136, 219,
      180, 219, 176, 219, 171, 219, 170, 35, 227, 167, 171, 227, 167, 177, 227, 167, 187, 227, 168, 144, 227, 167, 167,
      227, 168, 138, 35, 243, 162, 155, 131, 35, 198, 172,
    ],
  ],
];

describe('tokenizers of GGUF files', () => {
  let room: string;
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'gguf-tokenizer-'));
  });
  after(() => rmSync(room, { recursive: true, force: true }));

  const read = async (values: Readonly<Record<string, Value>>): Promise<GgufTokenizer> => {
    const path = join(room, 'm.gguf');
    writeFileSync(path, ggufFile({ values }));
    const parts = await readGgufParts(path, new GgufBudget({ kept: 1e8 }), isTokenizerKey);
    return ggufTokenizer(metadataOf(parts.ok ? parts.parts : assert.fail(parts.message)));
  };
  const library = async (values: Readonly<Record<string, Value>>): Promise<TextLibrary> => {
    const made = await read(values);
    return made.ok ? new TextLibrary(made) : assert.fail(made.why);
  };
  const ids = (from: TextLibrary, text: string, plain = true): unknown => from.answer({ kind: 'encode', text, plain });
  const demo = JSON.parse(readFileSync('examples/models/demo-lm/tokenizer.json', 'utf8')) as unknown;

  it('give the ids of llama.cpp', async () => {
    const own = await library(vocabularyOf(demo, 'smollm'));
    for (const [text, expected] of ofLlamaCpp) assert.deepEqual(ids(own, text), expected, text);
  });

  const corpus: readonly (readonly [string, string | undefined])[] = [
    ['vision-encoder-decoder--imageCaptioning-model', 'gpt-2'],
    ['minicpmv--LLM-TPU-MiniCPMV4', undefined],
    ['blip--blip-instance-final_model', undefined],
    ['blip-2--CloudComputer_Final-blip2', undefined],
  ];
  for (const [name, pre] of corpus) {
    const path = join(corpusFolder, name, 'tokenizer.json');
    if (!existsSync(path)) continue;
    it(`give the ids of the tokenizer.json that they were made from: ${name}`, async () => {
      const text = readFileSync(path, 'utf8');
      const [own, whole] = [
        await library(vocabularyOf(JSON.parse(text), pre)),
        new TextLibrary({ tokenizer: text, config: {} }),
      ];
      for (const each of texts) {
        assert.deepEqual(ids(own, each), ids(whole, each), each);
        const some = (ids(own, each) as number[]).slice(0, 20);
        assert.deepEqual(own.answer({ kind: 'pieces', ids: some }), whole.answer({ kind: 'pieces', ids: some }));
      }
    });
  }

  it('put the tokens that the file names around a text, and render its template', async () => {
    const values = {
      ...vocabularyOf(demo, 'smollm'),
      'tokenizer.ggml.bos_token_id': u32(0),
      'tokenizer.ggml.eos_token_id': u32(1),
    };
    const plain = ids(await library(values), 'the cat') as number[];
    const ends = { 'tokenizer.ggml.add_bos_token': { bool: true }, 'tokenizer.ggml.add_eos_token': { bool: true } };
    const template = "{{ bos_token }}{% for m in messages %}[{{ m['content'] }}]{% endfor %}";
    const both = await library({ ...values, ...ends, 'tokenizer.chat_template': template });
    assert.deepEqual(ids(both, 'the cat', false), [0, ...plain, 1]);
    assert.deepEqual(ids(both, 'the cat'), plain);
    assert.equal(both.answer({ kind: 'chat', content: 'hi' }), '<s>[hi]');
    // With Llama 3's words the first token is added, unless the file says otherwise.
    assert.deepEqual(
      (ids(await library({ ...values, 'tokenizer.ggml.pre': 'llama-bpe' }), 'a', false) as number[])[0],
      0,
    );
  });

  const refusals: readonly (readonly [Readonly<Record<string, Value>>, RegExp])[] = [
    [{}, /holds no tokenizer.*Give token ids instead\./],
    [
      { 'tokenizer.ggml.model': 'rwkv', 'tokenizer.ggml.tokens': list('a') },
      /of the kind "rwkv", which Headscope does not read/,
    ],
    [{ 'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.tokens': list('a') }, /no score for each token/],
    [{ 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.tokens': list('a') }, /no list of merges/],
    [{ 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.tokens': list(u32(1)) }, /not a list of texts/],
    [
      { ...vocabularyOf(demo, 'some-new-words') },
      /splits words as "some-new-words" does, which Headscope does not know/,
    ],
  ];
  it('read pieces of 16,000 characters in a moment', async () => {
    const pieces = Array.from({ length: 20 }, (_, at) => `${at} `.repeat(5333));
    const values = { 'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.tokens': list(...pieces) };
    const started = performance.now();
    assert.ok((await read({ ...values, 'tokenizer.ggml.scores': list(...pieces.map(() => ({ f32: 0 }))) })).ok);
    assert.ok(performance.now() - started < 1000);
  });

  for (const [values, why] of refusals) {
    it(`say why a text cannot be read: ${why.source.slice(0, 30)}`, async () => {
      const made = await read(values);
      assert.match(made.ok ? '' : made.why, why);
    });
  }
});
