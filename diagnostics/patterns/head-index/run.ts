/** The run of the analysis `head-index`: documents one by one, each joined to what is kept. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { LayerResult, TensorData } from '../../model-runner/run-request';
import { drawnDocuments, type DrawnDocument } from '../../shared/corpus/drawn-documents';
import {
  bins,
  binOf,
  binOfQuantile,
  examplesIn,
  joined,
  nothing,
  packedRead,
  packedSize,
  pairsOf,
  unpackedRead,
  type Kept,
  type Limits,
  type Ranked,
  type Read,
} from './examples';
import type { HeadIndexParameters } from './parameters';
import type { Group, HeadIndexResult, IndexedExample } from './result';

/** What a document gave in one head: a step keeps no more of it. */
interface HeadDocument {
  /** Query, key and strength of each example that may be kept. */
  readonly places: Float32Array;
  /** What each of these queries reads, packed. */
  readonly read: Uint16Array;
  /** Examples by interval of strength. */
  readonly counts: Uint16Array;
  /** Of the strengths of all examples. */
  readonly sum: number;
}

type ReadExample = Ranked & Read;

interface HeadSoFar {
  readonly kept: Kept<ReadExample>;
  readonly counts: readonly number[];
  readonly sum: number;
}

export async function* runHeadIndex(
  model: ModelRunner,
  { input, parameters, variant, seed, step }: AnalysisJob<HeadIndexParameters>,
): AsyncGenerator<Step<HeadIndexResult>, HeadIndexResult> {
  const { measure, context } = parameters;
  const { corpus } = input;
  if (!corpus) throw new RangeError('the analysis reads a corpus');
  const documents = await drawnDocuments(model, corpus, parameters, seed);
  const { blocks } = model.facts;
  let heads: readonly (readonly HeadSoFar[])[] = blocks.map((block) =>
    Array.from({ length: block.heads }, () => ({ kept: nothing, counts: new Array<number>(bins).fill(0), sum: 0 })),
  );
  const texts: HeadIndexResult['texts'][number][] = [];
  const result = (): HeadIndexResult => ({
    measure: measure === 'value' ? 'value' : 'weight',
    context,
    texts: [...texts],
    ...ofHeads(heads),
  });
  for (const [at, { ids, ...of }] of documents.entries()) {
    const partial = at > 0 ? { partial: result() } : {};
    yield { sentence: `Document ${at + 1} of ${documents.length}`, done: at, total: documents.length, ...partial };
    const prioritiesOf = (): readonly number[] => priorities(ids.length, of.index, seed);
    const given = await step(`document ${at}`, async (): Promise<readonly (readonly HeadDocument[])[]> => {
      const { layers } = await model.run({
        ids,
        variants: [variant],
        topKeys: 'all',
        ...(measure === 'value'
          ? {
              taps: blocks.flatMap((block, layer) =>
                block.heads > 0 ? [{ layer, tap: 'attention.value' as const }] : [],
              ),
            }
          : {}),
        logits: 'none',
      });
      const lucky = prioritiesOf();
      return blocks.map((block, layer) =>
        Array.from({ length: block.heads }, (_, head) =>
          headDocument(layers[layer], { head, heads: block.heads, document: at, lucky, limits: parameters }),
        ),
      );
    });
    texts.push({ name: nameOf(of), ids, tokens: model.pieces(ids) });
    const lucky = prioritiesOf();
    heads = heads.map((layer, l) =>
      layer.map((before, h) => {
        const further = given[l]?.[h];
        return further ? withDocument(before, further, at, lucky, parameters) : before;
      }),
    );
  }
  return result();
}

/** A number for each row, the same in all heads; the first rows of a longer reading of the document have the same ones. */
function priorities(rows: number, document: number, seed: number): readonly number[] {
  const source = random(seedFor(seed, `examples of document ${document}`));
  return Array.from({ length: rows }, () => source.uniform());
}

const nameOf = ({ index, document }: Omit<DrawnDocument, 'ids'>): string => {
  const name = document?.id ?? `document ${index + 1}`;
  return document?.source === undefined ? name : `${name} (${document.source})`;
};

interface Of {
  readonly head: number;
  readonly heads: number;
  readonly document: number;
  readonly lucky: readonly number[];
  readonly limits: Limits;
}

function headDocument(layer: LayerResult | undefined, { head, heads, document, lucky, limits }: Of): HeadDocument {
  const counts = new Uint16Array(bins);
  const top = layer?.top;
  if (!top) return { places: new Float32Array(0), read: new Uint16Array(0), counts, sum: 0 };
  const value = layer.taps['attention.value'];
  const pairs = pairsOf(top, head, value && normsOf(value, head, heads));
  let sum = 0;
  for (const { strength } of pairs) {
    const bin = binOf(strength);
    counts[bin] = (counts[bin] ?? 0) + 1;
    sum += strength;
  }
  const ranked = pairs.map((pair): Ranked => ({ ...pair, document, priority: lucky[pair.query] ?? 1 }));
  const kept = examplesIn(joined(nothing, ranked, limits));
  const places = Float32Array.from(kept.flatMap(({ query, key, strength }) => [query, key, strength]));
  const read = Uint16Array.from(kept.flatMap(({ query }) => packedRead(top, head, query)));
  return { places, read, counts, sum };
}

/** Of each row's value, over the largest: [b = 1, g, n, d]; heads share key/value heads in equal runs. */
function normsOf({ data, shape: [, groups = 1, rows = 0, width = 0] }: TensorData, head: number, heads: number) {
  if (!(data instanceof Float32Array)) throw new TypeError('the run gave no values of a layer');
  const group = Math.floor((head * groups) / heads);
  const norms = Float64Array.from({ length: rows }, (_, row) => {
    const from = (group * rows + row) * width;
    return Math.hypot(...data.subarray(from, from + width));
  });
  const largest = norms.reduce((most, norm) => Math.max(most, norm), 0);
  return largest > 0 ? norms.map((norm) => norm / largest) : norms;
}

function withDocument(
  before: HeadSoFar,
  { places, read, counts, sum }: HeadDocument,
  document: number,
  lucky: readonly number[],
  limits: Limits,
): HeadSoFar {
  const further = Array.from({ length: places.length / 3 }, (_, at): ReadExample => {
    const [query = 0, key = 0, strength = 0] = places.subarray(3 * at, 3 * at + 3);
    const most = unpackedRead(read.subarray(packedSize * at, packedSize * (at + 1)));
    return { document, query, key, strength, priority: lucky[query] ?? 1, ...most };
  });
  return {
    kept: joined(before.kept, further, limits),
    counts: before.counts.map((count, bin) => count + (counts[bin] ?? 0)),
    sum: before.sum + sum,
  };
}

const deciles = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

type OfHeads = Omit<HeadIndexResult, 'measure' | 'context' | 'texts'>;

function ofHeads(heads: readonly (readonly HeadSoFar[])[]): OfHeads {
  const perHead = (of: (head: HeadSoFar) => number): number[][] => heads.map((layer) => layer.map(of));
  const countOf = ({ counts }: HeadSoFar): number => counts.reduce((all, count) => all + count, 0);
  const decileOf = ({ kept, counts }: HeadSoFar, decile: number): ReadExample | undefined => {
    const bin = binOfQuantile(counts, decile / 10);
    return bin === undefined ? undefined : kept.ofBins[bin];
  };
  const examples = heads.flatMap((layer, l) =>
    layer.flatMap((head, h): readonly IndexedExample[] => {
      const placed = (group: Group, one: ReadExample | undefined, number: number): readonly IndexedExample[] => {
        if (!one) return [];
        const { document, query, key, strength, keys, weights } = one;
        return [{ layer: l, head: h, group, number, document, query, key, strength, keys, weights }];
      };
      return [
        ...head.kept.strongest.flatMap((one, at) => placed('strongest', one, at + 1)),
        ...deciles.flatMap((decile) => placed('decile', decileOf(head, decile), decile)),
        ...head.kept.random.flatMap((one, at) => placed('random', one, at + 1)),
      ];
    }),
  );
  return {
    counts: perHead(countOf),
    means: perHead((head) => (countOf(head) > 0 ? head.sum / countOf(head) : Number.NaN)),
    tops: perHead(
      ({ kept: { strongest } }) => strongest.reduce((sum, one) => sum + one.strength, 0) / strongest.length,
    ),
    medians: perHead((head) => decileOf(head, 5)?.strength ?? Number.NaN),
    largest: perHead(({ kept }) => kept.strongest[0]?.strength ?? Number.NaN),
    histograms: heads.map((layer) => layer.map(({ counts }) => counts)),
    examples,
  };
}
