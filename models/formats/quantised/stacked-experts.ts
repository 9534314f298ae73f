/**
 * Experts of a layer that MLX stacks into one tensor for each of their maps, `switch_mlp.up_proj`, where a checkpoint has `experts.0.up_proj`
 * and so on (mlx_lm/models/switch_layers.py, December 2026).
 */
const stacked = /^(?<before>.*\.)switch_mlp\.(?<map>gate_proj|up_proj|down_proj)\.(?<part>weight|scales|biases|bias)$/;

/** Mixtral calls its maps so, in a block of this name. */
const mixtral = { gate_proj: 'w1', up_proj: 'w3', down_proj: 'w2' } as const;

type Map = keyof typeof mixtral;

interface Stacked {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** The tensor of each expert, which is a byte range of the stack; undefined for any other tensor. */
export function expertsIn<T extends Stacked>(tensor: T): readonly T[] | undefined {
  const { before = '', map, part = '' } = stacked.exec(tensor.name)?.groups ?? {};
  const [count = 0, ...shape] = tensor.shape;
  if (map === undefined || shape.length === 0 || count < 1) return undefined;
  const own = before.endsWith('block_sparse_moe.') ? mixtral[map as Map] : map;
  const length = tensor.length / count;
  return Array.from({ length: count }, (_, expert) => ({
    ...tensor,
    ...{ name: `${before}experts.${expert}.${own}.${part}`, shape, length, offset: tensor.offset + expert * length },
  }));
}

/** The module that MLX names in a config, for a module of an expert. */
export function stackOf(module: string): string {
  return module.replace(/\.experts\.\d+\.(\w+)$/, (_, map: string) => {
    const renamed = Object.entries(mixtral).find(([, own]) => own === map)?.[0] ?? map;
    return `.switch_mlp.${renamed}`;
  });
}
