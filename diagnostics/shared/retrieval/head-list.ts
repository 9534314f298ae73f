/** A list of heads as a person writes it: `2.5,3.*`, layers and query heads from 0, `*` for all of a layer. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { ModelFacts } from '../../model-runner/model-runner';

type Heads = { readonly ok: true; readonly heads: readonly HeadPlace[] } | { readonly ok: false; readonly why: string };

/** Each head once, by layer and head; an empty text is no head. */
export function headList(text: string, { blocks }: Pick<ModelFacts, 'blocks'>): Heads {
  const found = new Map<string, HeadPlace>();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const match = /^(\d+)\.(\d+|\*)$/u.exec(part);
    const layer = Number(match?.[1]);
    if (!match) {
      return {
        ok: false,
        why: `"${part.slice(0, 40)}" is no head. Write layer and head as 2.5, or 2.* for all of a layer.`,
      };
    }
    const block = blocks[layer];
    if (!block) return { ok: false, why: `The model has no layer ${layer}: its layers are 0 to ${blocks.length - 1}.` };
    if (block.heads === 0) {
      return { ok: false, why: `Layer ${layer} has no attention, so it has no heads here. Name a layer that has.` };
    }
    const all = Array.from({ length: block.heads }, (_, head) => head);
    const heads = match[2] === '*' ? all : all.filter((head) => head === Number(match[2]));
    if (heads.length === 0) {
      return { ok: false, why: `Layer ${layer} has no head ${match[2] ?? ''}: its heads are 0 to ${block.heads - 1}.` };
    }
    for (const head of heads) found.set(`${layer}.${head}`, { layer, head });
  }
  return { ok: true, heads: [...found.values()].sort((a, b) => a.layer - b.layer || a.head - b.head) };
}
