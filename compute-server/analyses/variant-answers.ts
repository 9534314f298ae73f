/** Many variants of one prompt, asked about the next token behind some rows; what they have in common is run once. */
import type { AskedRow, RowAnswer } from '../../diagnostics/model-runner/run-request';
import { sequencePart, type Sequence } from '../../diagnostics/model-runner/sequence';
import type { Variant } from '../../diagnostics/model-runner/variant';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { LayerSessions } from '../model/run/layer-sessions';
import { runPrompt } from '../model/run/model-run';
import type { ResidualStream, RunRequest } from '../model/run/run-request';

export interface VariantQuestions {
  readonly sequence: Sequence;
  readonly asked: readonly AskedRow[];
  readonly variants: readonly Variant[];
  /** Variants side by side at most. */
  readonly batch: number;
  readonly chunk: number;
  readonly signal: AbortSignal;
}

/**
 * [variants][asked]. The first variant is run layer by layer once; from the stream that enters the layer at which others begin
 * to differ from it, these are run to the end. One stream is held beside the run.
 */
export async function answersOfVariants(
  model: ModelSpec,
  sessions: LayerSessions,
  { sequence, asked, variants, batch, chunk, signal }: VariantQuestions,
): Promise<readonly (readonly RowAnswer[])[]> {
  const [first] = variants;
  if (!first) return [];
  const run = (over: Partial<RunRequest>, blocks = model.blocks) =>
    runPrompt(
      { ...model, blocks },
      sessions,
      { ...sequencePart(sequence), chunk, logits: 'none', ...over },
      { signal },
    );
  const found = new Array<readonly RowAnswer[]>(variants.length);
  let stream: ResidualStream | undefined;
  for (const [layer, places] of byLayer(variants, model.blocks.length)) {
    if (layer > (stream?.layer ?? 0)) {
      const below = { variants: [first], ...(stream ? { from: stream } : {}) };
      stream = (await run(below, model.blocks.slice(0, layer))).last;
    }
    for (let at = 0; at < places.length; at += batch) {
      const some = places.slice(at, at + batch);
      const { answers = [] } = await run({
        variants: some.map((place) => variants[place] ?? first),
        answersAt: asked,
        ...(stream ? { from: stream } : {}),
      });
      some.forEach((place, to) => (found[place] = answers[to] ?? []));
    }
  }
  return found;
}

/** Places of variants by the layer at which they begin to differ from the first one, rising. */
function byLayer(
  variants: readonly Variant[],
  layers: number,
): readonly (readonly [layer: number, places: readonly number[]])[] {
  const [first = {}] = variants;
  const groups = new Map<number, number[]>();
  variants.forEach((variant, place) => {
    const layer = firstDifference(first, variant) ?? layers;
    const group = groups.get(layer);
    if (group) group.push(place);
    else groups.set(layer, [place]);
  });
  return [...groups].sort(([a], [b]) => a - b);
}

type Change = object & { readonly layer: number };

/** The first layer at which two variants differ; a change is the same where it is the same object. */
function firstDifference(one: Variant, other: Variant): number | undefined {
  const lists = (variant: Variant): readonly (readonly Change[])[] => [
    variant.gains ?? [],
    variant.scoreBiases ?? [],
    variant.groupWeights ?? [],
    variant.uniform ?? [],
    variant.replacements ?? [],
  ];
  const others = lists(other);
  const layers = lists(one).flatMap((own, kind) => {
    const given = others[kind] ?? [];
    let same = 0;
    while (same < own.length && own[same] === given[same]) same++;
    return [...own.slice(same), ...given.slice(same)].map(({ layer }) => layer);
  });
  return layers.length === 0 ? undefined : Math.min(...layers);
}
