/**
 * Norms that stand on the stream itself: x = norm(x), then x = kept x + added branch(x) (MiniMax-01). The first norm of a layer is then
 * the one behind the branch before it, or behind the embedding, so that such a model is one whose norms stand on sums. A norm does not
 * change when what it reads is divided by `kept`, but for its epsilon: with `added / kept` on the branch and epsilon / kept^2 the sum has
 * no factor on the stream.
 */
import type { StreamFactors } from '../../formats/families/shared/computation';
import type { Layer } from '../../formats/model-description';
import { ModelError, type BlockSpec, type ModelSpec } from '../model-spec';
import type { Norm } from '../weights-spec';
import { scaledNetwork } from './block';
import { scaled, type Stack } from './stack';

/** The same model where the family has no such norms. */
export function withStreamNorms({ part, computes }: Stack, model: ModelSpec): ModelSpec {
  const { onStream } = computes;
  const { embedding, blocks, head } = model;
  if (!onStream || !embedding) return model;
  const factorsOf = (layer: Layer) => {
    const factors = onStream(part, layer);
    const lost = Object.values(factors).find(({ kept }) => !(kept > 0));
    if (lost)
      throw new ModelError(`Layer ${layer.index} multiplies the stream by ${lost.kept}, which is not computed.`);
    return factors;
  };
  const last = part.layers.at(-1);
  const [first] = blocks;
  if (!last || !first) return model;
  if (head.norm === undefined || embedding.norm !== undefined)
    throw new ModelError('Norms on the stream need a last norm, and none of the embedding.');
  return {
    ...model,
    embedding: { ...embedding, norm: inputOf(first, 'attentionNorms') },
    blocks: blocks.map((block, at) => {
      const { attention, network } = factorsOf(part.layers[at] ?? last);
      const next = blocks[at + 1];
      return {
        ...block,
        ...(block.attention
          ? { attention: { ...block.attention, output: added(block.attention.output, attention) } }
          : {}),
        ...(block.state ? { state: { ...block.state, output: added(block.state.output, attention) } } : {}),
        ...(block.feedForward ? { feedForward: scaledNetwork(block.feedForward, network.added / network.kept) } : {}),
        attentionNorms: { after: divided(inputOf(block, 'feedForwardNorms'), attention) },
        feedForwardNorms: next ? { after: divided(inputOf(next, 'attentionNorms'), network) } : {},
      };
    }),
    head: { ...head, norm: divided(head.norm, factorsOf(last).network) },
  };
}

function inputOf(block: BlockSpec, of: 'attentionNorms' | 'feedForwardNorms'): Norm {
  const { input } = block[of];
  if (!input) throw new ModelError(`Layer ${block.index} lacks a norm on its stream.`);
  return input;
}

const added = (output: Parameters<typeof scaled>[0], factors: StreamFactors) =>
  scaled(output, factors.added / factors.kept);

const divided = (norm: Norm, { kept }: StreamFactors): Norm => ({ ...norm, epsilon: norm.epsilon / kept ** 2 });
