/** What a qLSTM shows: how much it keeps from position to position, and what of each position is read later. */
import type { Tensors } from '../../module';
import { rowsOf } from '../../module-parts/pictures';
import type { Picture } from '../../picture';
import { impulseResponse } from '../../reference/linear-system';
import { tensor, type Tensor } from '../../tensors/tensor';
import { qlstmParts } from './definition';

const mostChannels = 64;

export function qlstmPictures(x: Tensor, weights: Tensors, reversed: boolean): readonly Picture[] {
  const { retained, input, output } = qlstmParts(x, weights, reversed);
  const [, positions, hidden] = retained.shape as readonly [number, number, number];
  /** One channel of the first sample over positions, [n, 1], its first L 0. */
  const channel = (of: Tensor, c: number, first = of.data[c]!): Tensor =>
    tensor(
      [positions, 1],
      Float64Array.from({ length: positions }, (_, t) => (t === 0 ? first : of.data[t * hidden + c]!)),
    );
  const keeps = Array.from({ length: hidden }, (_, c) => {
    const own = channel(retained, c).data.subarray(1);
    return { c, mean: own.reduce((sum, a) => sum + a, 0) / Math.max(1, own.length) };
  }).sort((a, b) => a.mean - b.mean);
  const at = (share: number): number => keeps[Math.round(share * (hidden - 1))]!.c;
  const drawn = [
    { title: 'forgets most', c: at(0) },
    { title: 'in the middle', c: at(0.5) },
    { title: 'forgets least', c: at(1) },
  ];
  const middle = at(0.5);
  const response = impulseResponse({
    size: 1,
    transition: channel(retained, middle, 0),
    input: channel(input, middle),
    output: channel(output, middle),
  });
  const shown = keeps.filter((_, rank) => rank % Math.ceil(hidden / mostChannels) === 0);
  return [
    {
      kind: 'chart',
      id: 'retained',
      title: 'What is kept of the state',
      caption: `L_i = ${reversed ? 'sigmoid(−f)^alpha' : 'sigmoid(f)'} of three of the ${hidden} channels, ordered by their mean: 1 keeps the whole state, 0 begins anew.`,
      x: { title: 'Position', unit: '', scale: 'linear' },
      y: { title: '|L_i|', unit: '', scale: 'linear' },
      series: drawn.map(({ title, c }) => ({
        title,
        mark: 'line',
        points: Array.from(channel(retained, c).data.subarray(1), (y, t) => ({ x: t + 1, y })),
      })),
    },
    {
      kind: 'heat-map',
      id: 'impulse',
      title: 'Impulse response of the channel in the middle',
      caption:
        'How much of the value at position j is in the gated state at position i. A band along the diagonal forgets soon; a full triangle keeps all.',
      unit: '',
      definition: 'C_i L_i … L_(j+1) B_j = sigmoid(o_i) a_i … a_(j+1) sigmoid(i_j)',
      scale: 'sequential',
      rows: { title: 'Position i that reads' },
      columns: { title: 'Position j that is read' },
      values: rowsOf(response.data, positions, positions),
    },
    {
      kind: 'heat-map',
      id: 'channels',
      title: 'What every channel keeps',
      caption: `Channels from the one that forgets most to the one that forgets least${shown.length < hidden ? `, ${shown.length} of ${hidden}` : ''}. Dark columns are positions at which all of them begin anew.`,
      unit: '',
      definition: 'a of the channel at the position, 0 to 1',
      scale: 'sequential',
      rows: { title: 'Channel', labels: shown.map(({ c }) => String(c)) },
      columns: { title: 'Position' },
      values: shown.map(({ c }) => Array.from(channel(retained, c).data)),
    },
  ];
}
