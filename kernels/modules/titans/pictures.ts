/** What a Titans block shows of the first sequence: surprise, gates, and which earlier token each one reads from the memory. */
import type { ModuleCall } from '../../module';
import type { Picture, PictureAxis } from '../../picture';
import type { Tensor } from '../../tensors/tensor';
import { memoryReads, titansBlock } from './definition';
import { learnedBefore, type TitansParameters } from './parameters';

/** Tokens of the heat map: a cell is still seen at that many. */
const mostTokens = 128;

/** Lines of a chart; a family of more is not told apart. */
const mostHeads = 4;

const tokenAxis: PictureAxis = { title: 'Token', unit: '', scale: 'linear' };

export function titansPictures(call: ModuleCall, parameters: TitansParameters): readonly Picture[] {
  const { heads, freeze, reset, depth, form, tokens } = parameters;
  const { trace } = titansBlock(call, parameters);
  const before = learnedBefore(parameters);
  const rows = before + tokens;
  const line = (numbers: Tensor, head: number) =>
    Array.from({ length: tokens }, (_, i) => ({ x: i, y: numbers.data[head * rows + before + i]! }));
  const byHead = (numbers: Tensor) =>
    Array.from({ length: Math.min(mostHeads, heads) }, (_, head) => ({
      title: `head ${head + 1}`,
      mark: 'line' as const,
      points: line(numbers, head),
    }));
  const changed = [
    ...(freeze > 0 && freeze < tokens ? [`Learning stops at token ${freeze}.`] : []),
    ...(reset > 0 && reset < tokens ? [`The memory is reset at token ${reset}.`] : []),
  ].join(' ');
  const gates = [
    ['forgotten (alpha)', trace.forget],
    ['learned (theta)', trace.learn],
    ['kept of the momentum (eta)', trace.keep],
  ] as const;
  const pictures: Picture[] = [
    {
      kind: 'chart',
      id: 'loss',
      title: 'Error before learning',
      caption:
        `How far the memory’s answer for the key of a token is from its value, before the token is learned. It falls where a token repeats one that is still remembered. ${changed}`.trim(),
      x: tokenAxis,
      y: { title: 'Half squared error', unit: '', scale: 'linear' },
      series: byHead(trace.loss),
    },
    {
      kind: 'chart',
      id: 'surprise',
      title: 'Surprise',
      caption: 'Length of the gradient by all weights of the memory, taken at the memory of the chunk’s start.',
      x: tokenAxis,
      y: { title: 'Length of the gradient', unit: '', scale: 'linear' },
      series: byHead(trace.surprise),
    },
    {
      kind: 'chart',
      id: 'gates',
      title: 'Gates, mean over heads',
      caption:
        'Share of the memory that is forgotten at a token, step size, and share of the earlier step that is kept. All three follow from the token.',
      x: tokenAxis,
      y: { title: 'Gate', unit: '', scale: 'linear' },
      series: gates.map(([title, numbers]) => ({
        title,
        mark: 'line',
        points: Array.from({ length: tokens }, (_, i) => ({
          x: i,
          y:
            Array.from({ length: heads }, (_, head) => numbers.data[head * rows + before + i]!).reduce(
              (sum, each) => sum + each,
              0,
            ) / heads,
        })),
      })),
    },
  ];
  if (depth > 1 || form === 'context') return pictures;
  const shown = Math.min(mostTokens, tokens);
  const reads = memoryReads(call, parameters, 0).slice(before, before + shown);
  return [
    {
      kind: 'heat-map',
      id: 'reads',
      title: 'What a token reads of earlier ones, head 1',
      caption:
        'The memory is a matrix: its answer is what it began with, less the error of each earlier token times this weight. Far tokens fade by forgetting; tokens of one chunk are learned at the memory before it.',
      unit: '',
      definition:
        'W_ti (q_t . k_i), W_ti = theta_i times the sum over s from i to t of the product of 1 - alpha over (s, t] and of eta over (i, s]',
      scale: 'diverging',
      rows: { title: 'Reading token' },
      columns: { title: 'Token read' },
      values: reads.map((row) => row.slice(before, before + shown)),
    },
    ...pictures,
  ];
}
