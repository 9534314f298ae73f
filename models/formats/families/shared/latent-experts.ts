import type { ModelPart } from '../../model-description';

/** Routed experts that read and write `latentSize` numbers; undefined, or the width of the stream, changes nothing. */
export function withLatentExperts(part: ModelPart, latentSize: number | undefined): ModelPart {
  if (latentSize === undefined || latentSize === part.hiddenSize) return part;
  const layers = part.layers.map((layer) => {
    const { experts } = layer.feedForward;
    return experts === undefined
      ? layer
      : { ...layer, feedForward: { ...layer.feedForward, experts: { ...experts, latentSize } } };
  });
  return { ...part, layers };
}
