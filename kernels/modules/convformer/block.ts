/** ConvFormer's block over tokens z [b, N, C]: z + DMHCSA(LN1(z)), then x + MLP(LN2(x)); MLP: C to 2 C, GELU, back. Epsilon 1e-6. */
import { add, gelu as geluOf } from '../../graph/operators/elementwise';
import { layerNormalization } from '../../graph/operators/normalize';
import type { Value } from '../../graph/records';
import type { ModuleGraph, ModuleWeight, Tensors } from '../../module';
import { inside, linearLayer } from '../../module-parts/graph';
import { gelu, layerNorm, linear, sum } from '../../module-parts/layers';
import { behind, behindTensors, linearWeights, normWeights, under, weightOf } from '../../module-parts/weights';
import type { Tensor } from '../../tensors/tensor';
import {
  attentionGraph,
  attentionMultiplyAdds,
  attentionOthers,
  attentionReference,
  attentionTraffic,
  attentionWeights,
  fused,
  type AttentionSize,
} from './attention';

const epsilon = 1e-6;
const widening = 2;

export const blockWeights = (size: AttentionSize): readonly ModuleWeight[] => [
  ...normWeights('norm1', size.channels),
  ...behind('attn.', attentionWeights(size)),
  ...normWeights('norm2', size.channels),
  ...linearWeights('mlp.fc1', widening * size.channels, size.channels),
  ...linearWeights('mlp.fc2', size.channels, widening * size.channels),
];

export const fusedBlock = (weights: Tensors, size: AttentionSize): Tensors => ({
  ...Object.fromEntries(Object.entries(weights).filter(([name]) => !name.startsWith('attn.'))),
  ...behindTensors('attn.', fused(under(weights, 'attn.'), size)),
});

/** The block's output, and the maps of its attention. */
export function blockReference(z: Tensor, weights: Tensors, size: AttentionSize) {
  const norm = (x: Tensor, name: string): Tensor =>
    layerNorm(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`), epsilon);
  const layer = (x: Tensor, name: string): Tensor =>
    linear(x, weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`));
  const { output, map } = attentionReference(norm(z, 'norm1'), under(weights, 'attn.'), size);
  const mixed = sum(z, output);
  return { map, output: sum(mixed, layer(gelu(layer(norm(mixed, 'norm2'), 'mlp.fc1')), 'mlp.fc2')) };
}

export function blockGraph(graph: ModuleGraph, z: Value, size: AttentionSize, fuse: boolean): Value {
  const norm = (x: Value, name: string): Value =>
    layerNormalization(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`), epsilon);
  const layer = (x: Value, name: string): Value =>
    linearLayer(x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`));
  const mixed = add(z, attentionGraph(inside(graph, 'attn.'), norm(z, 'norm1'), size, fuse));
  return add(mixed, layer(geluOf(layer(norm(mixed, 'norm2'), 'mlp.fc1'), 'none'), 'mlp.fc2'));
}

/** Multiply-adds of one sample: the attention, and 4 N C^2 of the MLP. */
export const blockMultiplyAdds = (size: AttentionSize, fuse: boolean): number =>
  attentionMultiplyAdds(size, fuse) + 2 * widening * size.tokens * size.channels ** 2;

/** Beside the products: two norms of eight operations a number, GELU, two sums. */
export const blockOthers = (size: AttentionSize, fuse: boolean): number =>
  attentionOthers(size, fuse) + size.tokens * size.channels * (2 * 8 + widening + 2);

export const blockTraffic = (size: AttentionSize, fuse: boolean): number =>
  attentionTraffic(size, fuse) + size.tokens * size.channels * (2 * 5 + 4 * widening + 4);
