/** What labels read of the first document and of its knowledge. */
import { rowsOf } from '../../module-parts/pictures';
import type { Tensors } from '../../module';
import type { Picture } from '../../picture';
import type { Tensor } from '../../tensors/tensor';

/** The most tokens of a source that the picture shows. */
const mostTokens = 96;

const most = (row: Float64Array): number => row.reduce((best, value, at) => (value > row[best]! ? at : best), 0);

export function labelPictures(inputs: Tensors, outputs: Tensors, softmax: boolean): readonly Picture[] {
  const labels = inputs['labels']!.shape[0]!;
  const names = Array.from({ length: labels }, (_, l) => `${l}`);
  const counted = (mask: Tensor): number =>
    mask.data.slice(0, mask.shape[1]).reduce((total, value) => total + value, 0);
  const known = counted(inputs['knowledge_mask']!);
  const row = (name: string, l: number): Float64Array => {
    const tokens = outputs[name]!.shape[2]!;
    return outputs[name]!.data.subarray(l * tokens, (l + 1) * tokens);
  };
  const map = (source: 'document' | 'knowledge', title: string): Picture => {
    const { data, shape } = outputs[`${source}_attention`]!;
    const tokens = shape[2]!;
    const there = counted(inputs[`${source}_mask`]!);
    return {
      kind: 'heat-map',
      id: source,
      title,
      caption: `${tokens > mostTokens ? `The first ${mostTokens} of ${tokens} tokens. ` : ''}${
        softmax
          ? `Even attention would be ${(1 / Math.max(1, there)).toPrecision(2)} in each row; a label with a word of its own has one bright cell.`
          : 'Without a softmax these are scores: labels that fit nothing are near 0.'
      }`,
      unit: '',
      definition: softmax
        ? 'A_lt = softmax over tokens t of c_l . h_t, scaled as chosen'
        : 'A_lt = c_l . h_t, scaled as chosen',
      scale: softmax ? 'sequential' : 'diverging',
      rows: { title: 'Label', labels: names },
      columns: { title: 'Token' },
      values: rowsOf(data.subarray(0, labels * tokens), labels, tokens).map((values) => values.slice(0, mostTokens)),
    };
  };
  return [
    map('document', 'What each label reads of the document'),
    ...(known > 0 ? [map('knowledge', 'What each label reads of the knowledge')] : []),
    {
      kind: 'chart',
      id: 'labels',
      title: 'Labels',
      caption:
        known > 0
          ? 'Share of the document: 1 takes the document alone, 0 the knowledge alone. Weights that are not trained give shares without a meaning.'
          : 'No knowledge was given: the share of the document is 1 for every label.',
      x: { title: 'Label', unit: '', scale: 'category', categories: names },
      y: { title: 'Share or probability', unit: '', scale: 'linear' },
      series: [
        {
          title: 'share of the document',
          mark: 'bars',
          points: names.map((_, x) => ({ x, y: outputs['mix']!.data[x]! })),
        },
        {
          title: 'probability',
          mark: 'bars',
          points: names.map((_, x) => ({ x, y: outputs['probabilities']!.data[x]! })),
        },
      ],
    },
    {
      kind: 'table',
      id: 'strongest',
      title: 'Strongest token of each label',
      caption: 'Tokens are counted from 0.',
      columns: [
        { title: 'Label', kind: 'text' },
        { title: 'Token of the document', kind: 'text' },
        { title: 'Its weight', kind: 'number' },
        ...(known > 0
          ? ([
              { title: 'Token of the knowledge', kind: 'text' },
              { title: 'Weight of that', kind: 'number' },
            ] as const)
          : []),
      ],
      rows: names.map((name, l) => [
        name,
        ...['document_attention', ...(known > 0 ? ['knowledge_attention'] : [])].flatMap((of) => {
          const weights = row(of, l);
          return [`${most(weights)}`, weights[most(weights)]!];
        }),
      ]),
    },
  ];
}
