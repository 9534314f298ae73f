import type { HeadPlace } from '../../../protocol/schema/written-form';
import { withAttention } from '../../../models/architectures/block-heads';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { coversHead, type WhichHeads } from '../../../protocol/interventions/which';
import { range } from '../run/graphs/runtime-arrays';

/** The query heads of a model that a written form names, each once; of layers that have attention. */
export const headsNamed = ({ blocks }: ModelSpec, heads: readonly WhichHeads[]): readonly HeadPlace[] =>
  withAttention(blocks).flatMap(({ index: layer, attention }) =>
    range(0, attention.heads)
      .filter((head) => coversHead(heads, layer, head))
      .map((head) => ({ layer, head })),
  );
