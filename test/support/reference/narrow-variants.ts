/** MobileBERT with other sizes in its narrow stream, and weights that cancel the difference, as in `variants.ts`. */
import { tensorOf, type Tensors, type Variant } from './variant-tensors';

/** Each run of `size` numbers along an axis is followed by as many zeros. */
function spaced(tensors: Tensors, name: string, axis: 0 | 1, size: number): void {
  const { shape, data } = tensorOf(tensors, name);
  const [rows = 1, columns = 1] = shape;
  const wide = shape.map((count, at) => (at === axis ? 2 * count : count));
  const out = new Float32Array(2 * data.length);
  const placed = (at: number): number => 2 * size * Math.floor(at / size) + (at % size);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[axis === 0 ? placed(row) * columns + column : row * 2 * columns + placed(column)] =
        data[row * columns + column] ?? 0;
  tensors.set(name, { shape: wide, data: out });
}

/** A stream twice as wide, whose added numbers are 0, and one more network before that of the layer, which adds nothing. */
function widerWithMore(tensors: Tensors): void {
  for (const layer of [0, 1]) {
    const at = `mobilebert.encoder.layer.${layer}.`;
    const both = (name: string, axis: 0 | 1, size: number): void => {
      spaced(tensors, `${at}${name}.weight`, axis, size);
      if (axis === 0) spaced(tensors, `${at}${name}.bias`, 0, size);
    };
    for (const name of ['query', 'key', 'value']) both(`attention.self.${name}`, 0, 32);
    for (const name of ['query', 'key']) both(`attention.self.${name}`, 1, 128);
    both('attention.output.dense', 1, 32);
    for (const part of ['attention.output', 'bottleneck.input', 'bottleneck.attention']) {
      both(`${part}.dense`, 0, 128);
      both(`${part}.LayerNorm`, 0, 128);
    }
    for (const network of ['', 'ffn.0.', 'ffn.1.', 'ffn.2.']) {
      both(`${network}intermediate.dense`, 1, 128);
      both(`${network}output.dense`, 0, 128);
      both(`${network}output.LayerNorm`, 0, 128);
    }
    both('output.bottleneck.dense', 1, 128);
    // Scores are over the root of a head's width, which is twice as wide.
    for (const of of ['weight', 'bias']) {
      const name = `${at}attention.self.query.${of}`;
      const { shape, data } = tensorOf(tensors, name);
      tensors.set(name, { shape, data: data.map((x) => x * Math.SQRT2) });
    }
    for (const part of ['intermediate.dense', 'output.dense', 'output.LayerNorm'])
      for (const of of ['weight', 'bias']) {
        const { shape, data } = tensorOf(tensors, `${at}ffn.2.${part}.${of}`);
        const own = part === 'output.LayerNorm' ? (of === 'weight' ? 1 : 0) : part === 'output.dense' ? 0 : undefined;
        tensors.set(`${at}ffn.3.${part}.${of}`, { shape, data: data.map((x) => own ?? x) });
      }
  }
}

export const ofNarrowStreams: readonly Variant[] = [
  {
    of: 'mobilebert--MobileBertForMaskedLM',
    what: 'a wider narrow stream and one network more',
    config: { intra_bottleneck_size: 256, num_feedforward_networks: 5 },
    tensors: widerWithMore,
  },
];
