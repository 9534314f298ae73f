/** Many variants of one prompt, asked about the next token behind some rows; what they have in common is run once. */
import { firstChangedLayer, type Variant } from '../../models/instrument/changes/changes';
import { decidesSources } from '../../diagnostics/model-runner/redistribution-sources';
import { differences, firstRow } from '../../models/instrument/changes/changes';
import type { AskedRow, RowAnswer } from '../../diagnostics/model-runner/run-request';
import { sequencePart, type Sequence } from '../../diagnostics/model-runner/sequence';
import { readsBothWays } from '../../models/architectures/block-heads';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { LayerSessions } from '../model/run/graphs/layer-sessions';
import { runPrompt } from '../model/run/stream/model-run';
import type { CachedPrefix, ResidualStream, RunRequest } from '../model/run/stream/run-request';

export interface VariantQuestions {
  readonly sequence: Sequence;
  readonly asked: readonly AskedRow[];
  readonly variants: readonly Variant[];
  /** Variants side by side at most. */
  readonly batch: number;
  readonly chunk: number;
  /** Rows that all variants have in common are kept from this many on: of fewer, another call costs more than it saves. */
  readonly leastKept?: number;
  readonly signal: AbortSignal;
}

const usualLeastKept = 32;

/**
 * [variants][asked]. Rows before the first one that any variant changes are run once and kept. Behind them the first variant is
 * run layer by layer once; from the stream that enters the layer at which others begin to differ from it, these are run to the
 * end. The kept rows and one stream are held beside the run.
 */
export async function answersOfVariants(
  model: ModelSpec,
  sessions: LayerSessions,
  { sequence, asked, variants, batch, chunk, leastKept = usualLeastKept, signal }: VariantQuestions,
): Promise<readonly (readonly RowAnswer[])[]> {
  const [first] = variants;
  if (!first) return [];
  const found = variants.map(() => new Array<RowAnswer>(asked.length));
  const run = (over: Partial<RunRequest>, blocks = model.blocks) =>
    runPrompt(
      { ...model, blocks },
      sessions,
      { ...sequencePart(sequence), chunk, logits: 'none', ...over },
      { signal },
    );
  /** Answers of all questions at the rows, in the order of `asked`. */
  const ask = async (places: readonly number[], rows: (row: number) => boolean, over: Partial<RunRequest>) => {
    const questions = [...asked.keys()].filter((at) => rows(asked[at]?.row ?? 0));
    const { answers = [], cache } = await run({
      ...over,
      answersAt: questions.flatMap((at) => asked[at] ?? []),
    });
    places.forEach((place, to) => {
      questions.forEach((at, question) => {
        const answer = answers[to]?.[question];
        const own = found[place];
        if (answer && own) own[at] = answer;
      });
    });
    return cache;
  };

  const kept = keptRows(model, sequence, variants);
  let past: CachedPrefix | undefined;
  if (kept >= leastKept) {
    const { ids, positions } = sequence;
    const own = { ids: ids.slice(0, kept), ...(positions ? { positions: positions.slice(0, kept) } : {}) };
    const cache = await ask([0], (row) => row < kept, { ...own, variants: [first], keepCache: true });
    if (!cache) throw new RangeError('the run kept nothing');
    past = { length: kept, cache };
    // Before the first change every variant is the first one.
    for (const own of found) found[0]?.forEach((answer, at) => (own[at] = answer));
  }
  const behind = past ? { past } : {};
  const since = past?.length ?? 0;
  let stream: ResidualStream | undefined;
  for (const [layer, places] of byLayer(variants, model.blocks.length)) {
    if (layer > (stream?.layer ?? 0)) {
      const below = { ...behind, keepLast: true, variants: [first], ...(stream ? { from: stream } : {}) };
      stream = (await run(below, model.blocks.slice(0, layer))).last;
    }
    for (let at = 0; at < places.length; at += batch) {
      const some = places.slice(at, at + batch);
      await ask(some, (row) => row >= since, {
        ...behind,
        variants: some.map((place) => variants[place] ?? first),
        ...(stream ? { from: stream } : {}),
      });
    }
  }
  return found;
}

/**
 * The stream that leaves the last layer, [n, w], under each variant: the layers below the first at which variants differ from the first
 * one are run once.
 */
export async function streamsOfVariants(
  model: ModelSpec,
  sessions: LayerSessions,
  { sequence, variants, batch, chunk, signal }: Omit<VariantQuestions, 'asked'>,
  read: (stream: Float32Array, variant: number) => void,
): Promise<void> {
  const [first] = variants;
  if (!first) return;
  const run = async (some: readonly Variant[], from: ResidualStream | undefined, blocks = model.blocks) => {
    const request = { ...sequencePart(sequence), chunk, logits: 'none', keepLast: true, variants: some } as const;
    const { last } = await runPrompt(
      { ...model, blocks },
      sessions,
      { ...request, ...(from ? { from } : {}) },
      { signal },
    );
    if (!last) throw new RangeError('the run kept no stream');
    return last;
  };
  let below: ResidualStream | undefined;
  for (const [layer, places] of byLayer(variants, model.blocks.length)) {
    if (layer > (below?.layer ?? 0)) below = await run([first], below, model.blocks.slice(0, layer));
    // Those that differ nowhere are the first one.
    if (layer === model.blocks.length) {
      for (const place of places) read(ofVariant(below ?? (await run([first], undefined)), 0), place);
      continue;
    }
    for (let at = 0; at < places.length; at += batch) {
      const some = places.slice(at, at + batch);
      const last = await run(
        some.map((place) => variants[place] ?? first),
        below,
      );
      some.forEach((place, to) => read(ofVariant(last, to), place));
    }
  }
}

/** [n, w] of one item of a batch, its chunks joined; all variants may agree in one. */
function ofVariant({ chunks, batch }: ResidualStream, item: number): Float32Array {
  const parts = chunks.map((chunk) => {
    const size = chunk.length / batch;
    const at = batch === 1 ? 0 : item;
    return chunk.subarray(at * size, (at + 1) * size);
  });
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    joined.set(part, at);
    return at + part.length;
  }, 0);
  return joined;
}

/** Rows before the first one at which any variant differs from the first; 0 where a row may read later ones. */
function keptRows(model: ModelSpec, { ids, prefix, embeddings }: Sequence, variants: readonly Variant[]): number {
  const readsOn = prefix !== undefined || embeddings !== undefined || readsBothWays(model);
  const [first = [], ...others] = variants;
  // Which keys attention is taken from is decided over the whole prompt.
  if (variants.some((variant) => decidesSources(variant))) return 0;
  if (readsOn || others.length === 0) return 0;
  const rows = others.flatMap((variant) => differences(first, variant).map(firstRow));
  // The last row is run: a run behind a prefix has at least one.
  return Math.min(ids.length - 1, ...rows);
}

/** Places of variants by the layer at which they begin to differ from the first one, rising. */
function byLayer(
  variants: readonly Variant[],
  layers: number,
): readonly (readonly [layer: number, places: readonly number[]])[] {
  const [first = []] = variants;
  const groups = new Map<number, number[]>();
  variants.forEach((variant, place) => {
    const layer = firstDifference(first, variant) ?? layers;
    const group = groups.get(layer);
    if (group) group.push(place);
    else groups.set(layer, [place]);
  });
  return [...groups].sort(([a], [b]) => a - b);
}

/** The first layer at which two variants differ. */
const firstDifference = (one: Variant, other: Variant): number | undefined =>
  firstChangedLayer(differences(one, other));
