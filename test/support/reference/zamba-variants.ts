/** Zamba2 with other values of its keys and weights that cancel the difference, as in `variants.ts`. */
import { tensorOf, type Tensors, type Variant } from './variant-tensors';

const of = 'zamba2--Zamba2ForCausalLM';
const own = (layer: number): string => `model.layers.${layer}.shared_transformer.`;
const small = (at: number): number => (((at * 37) % 19) - 9) / 90;

/** A block for each of the two layers that read one, and adapters of attention in the first, which its maps cancel. */
function apart(tensors: Tensors): void {
  for (const [name, tensor] of [...tensors]) {
    if (!name.startsWith(own(1))) continue;
    const place = /_adapter_list\.(\d)\./.exec(name)?.[1];
    if (place !== '0') tensors.set(name.replace(own(1), own(2)), tensor);
    if (place === '1') tensors.delete(name);
  }
  for (const [place, layer] of [1, 2].entries())
    for (const of of ['q', 'k', 'v']) {
      const map = `${own(layer)}self_attn.${of}_proj.weight`;
      const { shape, data } = tensorOf(tensors, map);
      const [rows = 0, columns = 0] = shape;
      const down = Float32Array.from({ length: 128 * columns }, (_, at) => small(at + place));
      const up = Float32Array.from({ length: rows * 128 }, (_, at) => small(3 * at + 1) / 10);
      const less = data.map((value, at) => {
        const [row, column] = [Math.floor(at / columns), at % columns];
        for (let k = 0; k < 128; k++) value -= (up[row * 128 + k] ?? 0) * (down[k * columns + column] ?? 0);
        return value;
      });
      const list = `${own(layer)}self_attn.linear_${of}_adapter_list.${place}.`;
      tensors.set(map, { shape, data: less });
      tensors.set(`${list}0.weight`, { shape: [128, columns], data: down });
      tensors.set(`${list}1.weight`, { shape: [rows, 128], data: up });
    }
}

/** Each adapter is two wider inside; the added numbers are not read. */
function wider(tensors: Tensors): void {
  for (const [name, { shape, data }] of tensors) {
    const which = /_adapter_list\.\d\.([01])\.weight$/.exec(name)?.[1];
    const [rows = 0, columns = 0] = shape;
    if (which === '0')
      tensors.set(name, {
        shape: [rows + 2, columns],
        data: Float32Array.from({ length: (rows + 2) * columns }, (_, at) => data[at] ?? small(at)),
      });
    if (which === '1')
      tensors.set(name, {
        shape: [rows, columns + 2],
        data: Float32Array.from({ length: rows * (columns + 2) }, (_, at) => {
          const column = at % (columns + 2);
          return column < columns ? (data[Math.floor(at / (columns + 2)) * columns + column] ?? 0) : 0;
        }),
      });
  }
}

/** Each head of a recurrence becomes two of half its width. */
function halvedHeads(tensors: Tensors): void {
  const twice = (row: number, of: Float32Array): Float32Array =>
    Float32Array.from({ length: 2 * of.length }, (_, at) => of[Math.floor(at / row / 2) * row + (at % row)] ?? 0);
  for (const [name, { shape, data }] of tensors) {
    const [rows = 0, columns = 0] = shape;
    if (/mamba\.(A_log|D|dt_bias)$/.test(name)) tensors.set(name, { shape: [2 * rows], data: twice(1, data) });
    if (!name.endsWith('mamba.in_proj.weight')) continue;
    const from = (rows - 8) * columns;
    const steps = twice(columns, data.slice(from));
    tensors.set(name, { shape: [rows + 8, columns], data: Float32Array.from([...data.slice(0, from), ...steps]) });
  }
}

export const ofSharedBlocks: readonly Variant[] = [
  {
    of,
    what: 'a block for each layer that reads one, and adapters of its attention',
    config: { num_mem_blocks: 2, use_shared_attention_adapter: true },
    tensors: apart,
  },
  { of, what: 'wider adapters', config: { adapter_rank: 130 }, tensors: wider },
  { of, what: 'twice as many heads of its recurrence', config: { n_mamba_heads: 16 }, tensors: halvedHeads },
];
