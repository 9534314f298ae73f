/** What pooling by several branches shows of the first bag of a call: where attention is, how concentrated, how alike. */
import { rowsOf } from '../../module-parts/pictures';
import type { Picture } from '../../picture';
import { tensor, type Tensor } from '../../tensors/tensor';
import { cosine, meanOver } from './definition';
import { maskStrongest, type Masking } from './stkim';

/** In longer bags only the instances that the bag attends to most are shown. */
const mostInstances = 64;

/** Share of attention on the `count` strongest of a row that adds up to 1. */
export const strongestMass = (row: Float64Array, count: number): number =>
  row
    .slice()
    .sort((a, b) => b - a)
    .slice(0, count)
    .reduce((total, value) => total + value, 0);

/** -sum a ln a, nats: ln n for even attention, 0 for one instance. */
export const entropyOf = (row: Float64Array): number =>
  row.reduce((total, value) => total - (value > 0 ? value * Math.log(value) : 0), 0);

/** `attention` [b, heads, M, n]; `mask` [b, n]. `masking` makes the picture of a step of training, drawn with seed 1. */
export function poolingPictures(attention: Tensor, mask: Tensor, masking: Masking): readonly Picture[] {
  const [, heads, branches, n] = attention.shape as [number, number, number, number];
  const first = tensor([heads, branches, n], attention.data.slice(0, heads * branches * n));
  const present = mask.data.slice(0, n).reduce((total, value) => total + value, 0);
  const perBranch = meanOver(first, 0);
  const bag = meanOver(perBranch, 0);
  const order = Array.from({ length: n }, (_, at) => at);
  if (n > mostInstances) order.sort((a, b) => bag.data[b]! - bag.data[a]!).length = mostInstances;
  const names = Array.from({ length: branches }, (_, i) => `branch ${i}`);
  const perHead = heads > 1 ? ', mean over heads' : '';
  const shown = n > mostInstances ? `The ${mostInstances} instances of ${n} that the bag attends to most. ` : '';
  const strip = (id: string, title: string, caption: string, of: Tensor): Picture => ({
    kind: 'heat-map',
    id,
    title,
    caption,
    unit: '',
    definition: `A_in = softmax over instances of the logits of branch i${perHead}`,
    scale: 'sequential',
    rows: { title: 'Branch', labels: names },
    columns: { title: n > mostInstances ? 'Instance, the most attended first' : 'Instance', labels: order.map(String) },
    values: rowsOf(of.data, branches, n).map((row) => order.map((at) => row[at]!)),
  });
  const kept = maskStrongest(first, masking, 1);
  const dropped = kept.data.reduce((total, value) => total + (1 - value), 0) / (heads * branches);
  return [
    strip(
      'attention',
      'Attention of each branch',
      `${shown}Even attention would be ${(1 / present).toPrecision(2)} everywhere; branches that differ attend to other instances.`,
      perBranch,
    ),
    massChart(perBranch, bag, names, present),
    strip(
      'masked',
      'The same with its strongest instances masked',
      `${shown}One step of training: each row of attention loses ${Math.round(dropped)} of its ${Math.min(masking.strongest, n)} strongest, and the rest is scaled up to 1.`,
      meanOver(renormalised(first, kept), 0),
    ),
    ...(branches > 1 ? [agreement(first, names)] : []),
    concentration(perBranch, bag, names, present),
  ];
}

/** The weights that stay, divided by their sum; as they are where nothing but dropped instances had weight. */
export function renormalised(attention: Tensor, kept: Tensor): Tensor {
  const n = attention.shape.at(-1)!;
  const data = attention.data.map((value, at) => value * kept.data[at]!);
  for (let from = 0; from < data.length; from += n) {
    const total = data.subarray(from, from + n).reduce((a, b) => a + b, 0);
    if (total > 0) for (let at = from; at < from + n; at++) data[at]! /= total;
  }
  return tensor(attention.shape, data);
}

function massChart(perBranch: Tensor, bag: Tensor, names: readonly string[], present: number): Picture {
  const n = bag.data.length;
  const curve = (row: Float64Array) => {
    const sorted = row.slice().sort((a, b) => b - a);
    let total = 0;
    return Array.from({ length: Math.min(present, 100) }, (_, at) => ({ x: at + 1, y: (total += sorted[at]!) }));
  };
  return {
    kind: 'chart',
    id: 'mass',
    title: 'Attention on the strongest instances',
    caption: 'A curve that reaches 1 after a few instances rests on them alone; even attention is the straight line.',
    x: { title: 'Strongest instances', unit: '', scale: 'linear' },
    y: { title: 'Share of the attention', unit: '', scale: 'linear' },
    series: [
      { title: 'bag', mark: 'line', points: curve(bag.data) },
      ...names.slice(0, 6).map((title, i) => ({
        title,
        mark: 'line' as const,
        points: curve(perBranch.data.subarray(i * n, (i + 1) * n)),
      })),
      {
        title: 'even',
        mark: 'line',
        points: [1, Math.min(present, 100)].map((x) => ({ x, y: x / present })),
      },
    ],
  };
}

function agreement(attention: Tensor, names: readonly string[]): Picture {
  const [heads, branches, n] = attention.shape as [number, number, number];
  const row = (head: number, i: number): Float64Array =>
    attention.data.subarray((head * branches + i) * n, (head * branches + i + 1) * n);
  const mean = (i: number, j: number): number =>
    Array.from({ length: heads }, (_, head) => cosine(row(head, i), row(head, j))).reduce((a, b) => a + b, 0) / heads;
  return {
    kind: 'heat-map',
    id: 'agreement',
    title: 'How alike the branches are',
    caption: 'Branches that attend to nothing in common are 0; training lowers the mean off the diagonal (L_d).',
    unit: '',
    definition: 'cosine of the attention of two branches over the instances, mean over heads',
    scale: 'sequential',
    rows: { title: 'Branch', labels: names },
    columns: { title: 'Branch', labels: names },
    values: names.map((_, i) => names.map((_unused, j) => mean(i, j))),
  };
}

function concentration(perBranch: Tensor, bag: Tensor, names: readonly string[], present: number): Picture {
  const n = bag.data.length;
  const row = (title: string, of: Float64Array): readonly (string | number)[] => [
    title,
    strongestMass(of, 10),
    entropyOf(of),
    Math.exp(entropyOf(of)),
  ];
  return {
    kind: 'table',
    id: 'concentration',
    title: 'Concentration',
    caption: `Even attention over ${present} instances has an entropy of ${Math.log(present).toFixed(2)} nats.`,
    columns: [
      { title: 'Attention of', kind: 'text' },
      { title: 'On 10 strongest', kind: 'number', definition: 'sum of the 10 largest weights' },
      { title: 'Entropy', kind: 'number', unit: 'nats', definition: '-sum a ln a over instances' },
      { title: 'Instances attended to', kind: 'number', definition: 'exp of the entropy' },
    ],
    rows: [row('bag', bag.data), ...names.map((title, i) => row(title, perBranch.data.subarray(i * n, (i + 1) * n)))],
  };
}
