/** The analysis `span-retrieval`: at which layer the residual stream of a text finds the text that belongs to it. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { capitalPairs, leastPairs, nameOf, ownPairs, type Piece } from './pairs';
import { spanResult, spanResultOf, type SpanResult } from './result';
import { meanOfRows, ranksOf } from './retrieve';
import { finding, sections } from './sections';
import * as field from '../../../kernels/parameters';

type SpanParameters = { readonly pairs: string; readonly count: number; readonly centre: boolean };

/** Tokens of a text: the streams of all layers are held for one text at a time. */
const longest = 512;

const parameters: ParameterTable<SpanParameters> = {
  pairs: field.file('Pairs', 'JSONL, one pair a line: ["a text", "its partner"]. Empty: countries and their capitals.'),
  count: field.integer('Pairs at most', 'M: the first so many are read. Chance depends on it.', {
    min: leastPairs,
    max: 500,
    default: 30,
  }),
  centre: field.flag(
    'Centre',
    'Take the mean of the first texts from each of them, and that of the second texts from each of those.',
    true,
  ),
};

export const spanRetrieval: Analysis<SpanParameters, SpanResult> = {
  id: 'span-retrieval',
  title: 'Retrieval of paired texts',
  question: 'At which layer do texts find their partners?',
  group: 'retrieval',
  source: {
    reference: 'arXiv:2506.00421 (M3C): R@1 and MRR of a retriever by cosine',
    trust: 'low',
    note: 'The paper trains a retriever and looks at no layer of it. Reading the mean residual stream of each layer of an untrained retriever, centring, and the pairs of countries and capitals are choices of Headscope.',
  },
  inputs: ['none'],
  parameters,
  result: spanResult,
  recurrent: true,
  supports: ({ summary }) =>
    summary.vocabulary > 0
      ? { ok: true }
      : { ok: false, why: 'The model reads pictures alone. Choose a model that reads text.' },
  // Embeddings of all texts, and the streams of one of the longest.
  estimate: ({ blocks, hiddenSize, summary }, _, { count }) => ({
    passes: 2 * count,
    bytes: 4 * hiddenSize * (blocks.length + 1) * (2 * count + Math.min(longest, summary.contextLength ?? longest)),
  }),
  run,
  finding,
  sections,
};

/** By depth, [layers + 1][w]. Tokens that stand for no text are run and left out of the mean. */
async function embeddingsOf(model: ModelRunner, one: Piece, variant: Variant): Promise<readonly Float32Array[]> {
  const { blocks, hiddenSize, specialIds } = model.facts;
  const prompt = await model.prompt(
    typeof one === 'string' ? { kind: 'text', text: one, chat: false } : { kind: 'ids', ids: one },
  );
  const { ids } = prompt;
  if (ids.length > longest) {
    throw refusal(`A text has ${ids.length} tokens, and ${longest} are read at most: ${nameOf(one).slice(0, 60)}…`);
  }
  const all = [...ids.keys()];
  const words = all.filter((at) => !specialIds.includes(ids[at]!));
  const { layers } = await model.run({
    ...prompt,
    variants: [variant],
    taps: [{ layer: 0, tap: 'residual.input' }, ...blocks.map((_, layer) => ({ layer, tap: 'residual' as const }))],
    logits: 'none',
  });
  return [layers[0]?.taps['residual.input'], ...layers.map(({ taps }) => taps.residual)].map((tap) => {
    if (!(tap?.data instanceof Float32Array)) throw new RangeError('a layer gave no residual stream');
    return meanOfRows(tap.data, hiddenSize, words.length > 0 ? words : all);
  });
}

async function* run(
  model: ModelRunner,
  { parameters: { pairs: path, count, centre }, variant, step }: AnalysisJob<SpanParameters>,
): AsyncGenerator<Step<SpanResult>, SpanResult> {
  if (path === '' && model.facts.summary.tokenizer !== true) {
    throw refusal('The model has no tokenizer that can be used. Give a file of pairs of token ids.');
  }
  const { pairs: read, notes } =
    path === '' ? { pairs: capitalPairs, notes: [] } : ownPairs(path, await model.textFile(path));
  const pairs = read.slice(0, count);
  const embedded: (readonly (readonly Float32Array[])[])[] = [];
  for (const [at, pair] of pairs.entries()) {
    yield { sentence: `Pair ${at + 1} of ${pairs.length}`, done: at, total: pairs.length };
    // The file may have changed before a run is resumed.
    const mark = seedFor(0, JSON.stringify(pair));
    embedded.push(
      await step(`pair ${at} ${mark}`, async () => [
        await embeddingsOf(model, pair[0], variant),
        await embeddingsOf(model, pair[1], variant),
      ]),
    );
  }
  const side = (of: 0 | 1, depth: number) => embedded.map((one) => one[of]![depth]!);
  const ranked = Array.from({ length: model.facts.blocks.length + 1 }, (_, depth) =>
    ranksOf(side(0, depth), side(1, depth), centre),
  );
  const names = pairs.map(([first, second]) => [nameOf(first), nameOf(second)] as const);
  return spanResultOf(ranked, names, { centred: centre, notes });
}
