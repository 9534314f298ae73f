/**
 * llama.cpp as the second source for GGUF files: log p of families (in F32) and of number formats, and ids of tokenizers.
 *
 * With a quantised file llama.cpp rounds activations to 8 bits. To separate that effect, each format is also compared with llama.cpp on a
 * file of the same numbers in F32, where nothing is rounded.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import { TextLibrary } from '../../compute-server/model/text/text-library';
import { GgufBudget } from '../../models/formats/gguf/budget';
import { metadataOf, readGgufParts } from '../../models/formats/gguf/read-gguf';
import { isTokenizerKey } from '../../models/formats/gguf/token-keys';
import { ggufTokenizer } from '../../models/formats/gguf/tokenizer';
import type { WeightChoice } from '../../protocol/inputs/weights';
import { corpus } from '../support/corpus';
import { convertToGguf, hasConversion, namedVocabulary } from '../support/gguf-conversion';
import { ggufFile, u32 } from '../support/gguf-file';
import { vocabularyOf } from '../support/gguf-vocabulary';
import { ggufDefinitions, numbersOfBlocks, randomBlocks } from '../support/reference/gguf-numbers';
import { referenceModels } from '../support/reference/reference-models';
import { uniform } from '../support/checkpoints/encoded-tiny';
import { llamaLike, writeTinyModel } from '../support/checkpoints/tiny-models';
import type { Bench, Report } from './support/bench';
import { llamaCpp, type SecondSource } from './support/llama-cpp/second-source';

const ids = [5, 17, 2, 41, 8, 33, 60, 7, 11, 52, 3, 29, 90, 14, 6, 77, 23, 45, 9, 31, 64, 12, 80, 19];

/** log p of the token after `ids`. */
async function ownLogProbabilities(path: string, weights: WeightChoice = 'as-stored'): Promise<Float64Array> {
  const { spec, sessions } = await openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9, weights });
  const { logits } = await runPrompt(spec, sessions, { ids, chunk: ids.length, logits: 'last' });
  await sessions.release();
  const row = Float64Array.from((logits?.data as Float32Array).slice(-(spec.head.vocabulary?.outputs ?? 0)));
  const most = Math.max(...row);
  const all = most + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  return row.map((logit) => logit - all);
}

const largest = (one: Float64Array, other: Float64Array): number =>
  one.reduce((most, value, at) => Math.max(most, Math.abs(value - (other[at] ?? NaN))), 0);

/** Checkpoints for which llama.cpp computes another model than the class in transformers, or none. */
const otherwise: Readonly<Record<string, string>> = {
  'phi3--Phi3ForCausalLM--hard': 'llama.cpp turns the window of Phi-3 off',
  'gpt_bigcode--GPTBigCodeForCausalLM':
    'llama.cpp reads StarCoder with keys for each head in another order than its class',
  'gpt_oss--GptOssForCausalLM':
    'llama.cpp rounds the bounds of its YaRN form outwards, and the class does not (truncate is false)',
  'gemma--GemmaForCausalLM': 'llama.cpp has no head of its own for Gemma',
  'gemma2--Gemma2ForCausalLM': 'llama.cpp has no head of its own for Gemma',
};

/** Families for which llama.cpp looks GELU up in a table of float16 numbers. */
const tabled = /^(gemma|gpt2|falcon|phi--|starcoder|stablelm|bloom|mpt|gpt_neox|cohere)/;

async function families(report: Report, llama: SecondSource, room: string): Promise<void> {
  for (const { name, folder, config } of referenceModels) {
    if (!hasConversion(config)) continue;
    const other = otherwise[name];
    if (other !== undefined) {
      report.notRun(name, other);
      continue;
    }
    const vocabulary = Number(config['vocab_size']);
    try {
      const file = convertToGguf(folder, join(room, 'family.gguf'), { values: namedVocabulary(vocabulary) });
      const own = await ownLogProbabilities(file);
      const value = largest(own, await llama.logProbabilities(file, ids, vocabulary));
      report.figure({ name: `log p of ${name}`, value, unit: 'nat', target: tabled.test(name) ? 2e-3 : 1e-5 });
    } catch (error) {
      report.notRun(name, error instanceof Error ? error.message : String(error));
    }
  }
}

async function formats(report: Report, llama: SecondSource, room: string): Promise<void> {
  const folder = join(room, 'wide');
  const wide = { hidden_size: 256, intermediate_size: 512, vocab_size: 512 };
  const { config, shapes } = llamaLike('of blocks of 256', 'llama', wide);
  mkdirSync(folder);
  writeTinyModel(folder, { config, shapes });
  const vocabulary = Number(config['vocab_size']);
  const values = namedVocabulary(vocabulary);
  for (const [format, { id }] of Object.entries(ggufDefinitions)) {
    const written = (asFloats: boolean): string => {
      const random = uniform(id + 1);
      const blocks = (tensor: string, count: number): Uint8Array =>
        randomBlocks(format, count, random, tensor === 'token_embd.weight' ? 1 : count ** -0.5);
      return convertToGguf(folder, join(room, asFloats ? 'floats.gguf' : 'blocks.gguf'), {
        values,
        format: (tensor) =>
          asFloats
            ? {
                id: 0,
                encode: ({ length }) =>
                  new Uint8Array(Float32Array.from(numbersOfBlocks(format, blocks(tensor, length))).buffer),
              }
            : { id, encode: ({ length }) => blocks(tensor, length) },
      });
    };
    try {
      const file = written(false);
      const floats = await llama.logProbabilities(written(true), ids, vocabulary);
      const theirs = await llama.logProbabilities(file, ids, vocabulary);
      const [exact, rounded] = [await ownLogProbabilities(file), await ownLogProbabilities(file, 'int8-activations')];
      const [own, ofTheirs] = [largest(exact, floats), largest(theirs, floats)];
      // How much rounding matters depends on the random weights, so the target does too.
      const target = Math.max(1e-5, ofTheirs / 1000);
      const unit = 'nat';
      report.figure({
        name: `${format} as stored, against llama.cpp on its numbers in F32`,
        value: own,
        unit,
        target,
      });
      report.figure({
        name: `${format} of llama.cpp, against itself on its numbers in F32`,
        value: ofTheirs,
        unit,
      });
      report.figure({
        name: `${format} with activations in 8 bits, against llama.cpp on its numbers in F32`,
        value: largest(rounded, floats),
        unit,
      });
    } catch (error) {
      report.notRun(format, error instanceof Error ? error.message : String(error));
    }
  }
}

const texts = [
  'The capital of France is Paris, and 12345 + 67 = 12412.',
  '  two spaces,\ttabs\n\nand\r\nlines   ',
  "I'd say: it's WE'LL don't—“quoted” (x_1)[0] != y->z; /* ok */",
  'def f(x: int) -> str:\n    return f"{x:>10}"  # comment\n\n\nfor i in range(10):\n\tprint(i)\n',
  'Привет, мир! Как дела в 2024 году?',
  '你好，世界。今天天气很好！東京タワー',
  'مرحبا بالعالم، كيف حالك؟ ١٢٣',
  'नमस्ते दुनिया, यह एक परीक्षण है।',
  'emoji: 😀🚀👩‍👩‍👧‍👦 naïve café Ünïcödé ﬁne ½',
  '1234567890 3.14159 1,000,000 CamelCaseWordsAndACRONYMS https://example.org/a?b=c&d=%20#e',
  ' ',
];

const gpt2 = 'vision-encoder-decoder--imageCaptioning-model';
const tokenizers: readonly (readonly [folder: string, architecture: string, pre?: string])[] = [
  ['examples/models/demo-lm', 'gpt2', 'smollm'],
  [join(corpus, 'minicpmv--LLM-TPU-MiniCPMV4'), 'llama'],
  [join(corpus, 'blip--blip-instance-final_model'), 'bert'],
  [join(corpus, 'blip-2--CloudComputer_Final-blip2'), 't5'],
  [join(corpus, 't5--codet5-base'), 'gpt2', 'gpt-2'],
  ...['llama-bpe', 'qwen2', 'tekken', 'gpt-4o', 'deepseek-v3', 'falcon', 'default', 'bloom', 'viking', 'starcoder'].map(
    (pre) => [join(corpus, gpt2), 'gpt2', pre] as const,
  ),
];

async function vocabularies(report: Report, llama: SecondSource, room: string): Promise<void> {
  const path = join(room, 'vocabulary.gguf');
  for (const [folder, architecture, pre] of tokenizers) {
    const file = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as unknown;
    const sizes = {
      block_count: 1,
      context_length: 64,
      embedding_length: 32,
      feed_forward_length: 32,
      'attention.head_count': 2,
    };
    const keys = Object.entries(sizes).map(([key, value]) => [`${architecture}.${key}`, u32(value)] as const);
    const values = { 'general.architecture': architecture, ...Object.fromEntries(keys), ...vocabularyOf(file, pre) };
    writeFileSync(path, ggufFile({ values }));
    const read = await readGgufParts(path, new GgufBudget({ kept: 256e6 }), isTokenizerKey);
    const made = read.ok ? ggufTokenizer(metadataOf(read.parts)) : { ok: false as const, why: read.message };
    if (!made.ok) throw new Error(made.why);
    const library = new TextLibrary(made);
    const theirs = await llama.ids(path, texts);
    const other = texts.filter(
      (text, at) =>
        JSON.stringify(library.answer({ kind: 'encode', text, plain: true })) !== JSON.stringify(theirs[at]),
    );
    // llama.cpp drops the vowel signs of Devanagari in WordPiece.
    report.figure({
      name: `texts with other ids, ${architecture} ${pre ?? ''}`.trim(),
      ...{ value: other.length, unit: 'texts', target: architecture === 'bert' ? 1 : 0 },
      ...(other.length > 0 ? { note: other.join(' | ') } : {}),
    });
  }
}

const bench: Bench = {
  name: 'gguf',
  onRequest: true,
  async run(report) {
    const room = mkdtempSync(join(tmpdir(), 'headscope-bench-gguf-'));
    const llama = await llamaCpp();
    try {
      await families(report, llama, room);
      await formats(report, llama, room);
      await vocabularies(report, llama, room);
    } finally {
      await llama.close();
      rmSync(room, { recursive: true });
    }
  },
};
export default bench;
