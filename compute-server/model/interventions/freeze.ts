/** Frozen outputs: the heads and MLPs that are held, as what is replaced. */
import { headsOf } from '../../../models/architectures/block-heads';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { isFrozen, type Freeze } from '../../../protocol/interventions/freeze';
import { range } from '../run/graphs/runtime-arrays';
import type { Wanted } from './wanted-rows';

/** Every head and MLP that is held. */
export const frozenParts = (model: ModelSpec, freeze: Freeze): readonly Pick<Wanted, 'layer' | 'target' | 'head'>[] =>
  model.blocks.flatMap(({ index: layer, ...block }) => [
    ...range(0, headsOf(block).heads)
      .filter((head) => isFrozen(freeze, layer, head))
      .map((head) => ({ layer, target: 'head', head }) as const),
    ...(isFrozen(freeze, layer) ? [{ layer, target: 'mlp' } as const] : []),
  ]);
