/** GPTQ as AutoGPTQ packs it (`pack` of its linear layers): integers down the inputs, zero points along the outputs. */
import {
  bitStream,
  floats,
  grouped,
  turned,
  words,
  type GroupOptions,
  type Matrix,
  type WrittenMatrix,
} from './matrix';

export interface GptqOptions extends Omit<GroupOptions, 'biased' | 'scaleType'> {
  /** `gptq` stores zero points less one, `gptq_v2` as they are. */
  readonly checkpointFormat?: 'gptq' | 'gptq_v2';
}

export function gptqMatrix(matrix: Matrix, options: GptqOptions): WrittenMatrix {
  const { rows, columns } = matrix;
  const { bits, group, groupOf, checkpointFormat = 'gptq' } = options;
  const made = grouped(matrix, options);
  const { codes, scales, groups, numbers } = made;
  // The first version cannot store a zero point of 0, since 0 minus one is below every code.
  const zeros = made.zeros;
  if (checkpointFormat === 'gptq' && zeros.includes(0)) throw new RangeError('a zero point of 0');
  const qweight: number[] = new Array<number>((columns / 32) * bits * rows).fill(0);
  for (let row = 0; row < rows; row++) {
    const stream = bitStream(codes.subarray(row * columns, (row + 1) * columns), bits);
    stream.forEach((word, at) => (qweight[at * rows + row] = word));
  }
  const less = checkpointFormat === 'gptq' ? 1 : 0;
  const byGroup = turned(zeros, rows, groups).map((zero) => zero - less);
  const qzeros = Array.from({ length: groups }, (_, at) =>
    bitStream(byGroup.subarray(at * rows, (at + 1) * rows), bits),
  ).flat();
  return {
    numbers,
    tensors: {
      '.qweight': words(qweight, [(columns / 32) * bits, rows]),
      '.qzeros': words(qzeros, [groups, (rows / 32) * bits]),
      '.scales': floats(turned(scales, rows, groups), [groups, rows], 'F16'),
      '.g_idx': words(groupOf ?? Array.from({ length: columns }, (_, column) => Math.floor(column / group)), [columns]),
    },
  };
}
