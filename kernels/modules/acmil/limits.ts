/** ABMIL (Ilse et al., arXiv:1802.04712), number by number. */
import type { ModuleCall, Tensors } from '../../module';
import { tensor } from '../../tensors/tensor';

/** Logits and losses of one gated branch over every instance, with the classifier of the bag. */
export function abmil({ inputs, weights }: ModuleCall): Tensors {
  const x = inputs['x']!;
  const [batch, n, features] = x.shape as [number, number, number];
  const numbers = (name: string): Float64Array => weights[name]!.data;
  const layer = (row: readonly number[], name: string, bias: boolean): readonly number[] =>
    Array.from({ length: weights[`${name}.weight`]!.shape[0]! }, (_, out) =>
      row.reduce(
        (total, value, at) => total + numbers(`${name}.weight`)[out * row.length + at]! * value,
        bias ? numbers(`${name}.bias`)[out]! : 0,
      ),
    );
  const logits: number[] = [];
  const losses: number[] = [];
  for (let b = 0; b < batch; b++) {
    const rows = Array.from({ length: n }, (_, at) => {
      const from = (b * n + at) * features;
      return layer(Array.from(x.data.subarray(from, from + features)), 'dimreduction.fc1', false).map((value) =>
        Math.max(0, value),
      );
    });
    const exponentials = rows.map((row) => {
      const gate = layer(row, 'attention.attention_U.0', true).map((value) => 1 / (1 + Math.exp(-value)));
      const hidden = layer(row, 'attention.attention_V.0', true).map((value, at) => Math.tanh(value) * gate[at]!);
      return Math.exp(layer(hidden, 'attention.attention_weights', true)[0]!);
    });
    const total = exponentials.reduce((a, c) => a + c, 0);
    const pooled = rows[0]!.map((_, c) =>
      rows.reduce((sum, row, at) => sum + (exponentials[at]! / total) * row[c]!, 0),
    );
    const classes = layer(pooled, 'Slide_classifier.fc', true);
    const label = inputs['label']!.data[b]!;
    logits.push(...classes);
    losses.push(Math.log(classes.reduce((sum, value) => sum + Math.exp(value), 0)) - classes[label]!, 0, 0);
  }
  return {
    bag_logits: tensor([batch, logits.length / batch], Float64Array.from(logits)),
    losses: tensor([batch, 3], Float64Array.from(losses)),
  };
}
