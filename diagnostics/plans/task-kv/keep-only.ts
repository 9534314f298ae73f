/** One layer with some of its heads alone (arXiv:2501.15113, section III): the far ones against the near ones. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { withContinuation, type Continued } from './effect';
import type { LayerLook } from './look';
import type { KeptOnly } from './result';

export async function keptOnlyOf(
  model: ModelRunner,
  prompt: Prompt,
  { ids, variant }: Pick<Continued, 'ids'> & { readonly variant: Variant },
  looks: readonly LayerLook[],
  heads: number,
): Promise<KeptOnly> {
  const sequence = withContinuation(prompt, ids);
  const rows = ids.map((_, at) => prompt.ids.length - 1 + at);
  const variants: Variant[] = [variant];
  let most = 0;
  const places = looks.map(({ order }, layer) => {
    const count = Math.min(heads, Math.floor(order.length / 2));
    if (count === 0) return undefined;
    most = Math.max(most, count);
    const at = variants.length;
    variants.push(...[order.slice(0, count), order.slice(-count)].map((kept) => alone(model, variant, layer, kept)));
    return at;
  });
  const losses = await model.losses(sequence, rows, variants);
  const of = (offset: number): readonly number[] =>
    places.map((at) => (at === undefined ? undefined : losses[at + offset]) ?? Number.NaN);
  return { heads: most, plain: losses[0] ?? Number.NaN, far: of(0), near: of(1) };
}

/** All query heads of the layer but those that read the kept key/value heads are taken away. */
function alone({ facts }: ModelRunner, variant: Variant, layer: number, kept: readonly number[]): Variant {
  const { heads = 0, kvHeads = 1 } = facts.blocks[layer] ?? {};
  const gone = Array.from({ length: heads }, (_, head) => head).filter(
    (head) => !kept.includes(Math.floor((head * kvHeads) / heads)),
  );
  return [
    ...variant,
    ...gainsOf(
      gone.map((head) => ({ layer, head })),
      0,
    ),
  ];
}
