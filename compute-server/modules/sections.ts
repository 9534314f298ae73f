/** What a run of a module shows beside its pictures, as sections. */
import type { Module } from '../../kernels/module';
import type { ModuleProof, ModuleResult, ModuleTiming } from '../../protocol/results/module-schema';
import type { Section } from '../../protocol/sections/section';

export const proofSection = (module: Module, proofs: readonly ModuleProof[]): Section => ({
  kind: 'table',
  id: 'proof',
  title: 'Proof',
  caption: 'The graph on this device against the float64 reference on the same numbers.',
  columns: [
    { name: 'output', title: 'Output', kind: 'text' },
    { name: 'shape', title: 'Shape', kind: 'text' },
    {
      name: 'error',
      title: 'Largest error',
      kind: 'number',
      definition: 'largest |output - reference| over all numbers of the output',
    },
    {
      name: 'tolerance',
      title: 'Allowed',
      kind: 'number',
      definition: 'what rounding explains: the reference on inputs and weights moved by the rounding of the format',
    },
    { name: 'verdict', title: 'Verdict', kind: 'text' },
  ],
  rows: proofs.map(({ output, shape, maxError, tolerance, ok }) => [
    titleOf(module, output),
    `[${shape.join(', ')}]`,
    maxError,
    tolerance,
    ok ? 'right' : 'wrong',
  ]),
});

const titleOf = (module: Module, output: string): string =>
  module.outputs(defaultsOf(module)).find(({ name }) => name === output)?.title ?? output;

const defaultsOf = (module: Module) =>
  Object.fromEntries(Object.entries(module.parameters).map(([name, parameter]) => [name, parameter.default]));

export function costSection(
  { title }: Module,
  { cost, plain }: Pick<ModuleResult, 'cost' | 'plain'>,
  timing: ModuleTiming | undefined,
): Section {
  const plainParameters = 4 * plain.width * (plain.width + 1);
  const tokens = plain.queries === plain.keys ? `${plain.queries}` : `${plain.queries} reading ${plain.keys}`;
  return {
    kind: 'table',
    id: 'cost',
    title: 'Cost and time',
    caption: `Beside plain multi-head attention with its four projections over the same tokens (${tokens}, width ${plain.width}, ${plain.heads} ${plain.heads === 1 ? 'head' : 'heads'}), timed in turn.`,
    columns: [
      { name: 'what', title: '', kind: 'text' },
      {
        name: 'parameters',
        title: 'Parameters',
        kind: 'number',
        digits: 7,
        definition: 'learned numbers, without buffers',
      },
      {
        name: 'products',
        title: 'Multiply-adds',
        kind: 'number',
        digits: 4,
        unit: 'M',
        definition: 'of matrix products and convolutions in one call, in millions',
      },
      { name: 'median', title: 'Median time', kind: 'number', unit: 'ms', definition: 'of one call' },
      { name: 'low', title: 'First quartile', kind: 'number', unit: 'ms' },
      { name: 'high', title: 'Third quartile', kind: 'number', unit: 'ms' },
    ],
    rows: [
      [title, cost.parameters, cost.multiplyAdds / 1e6, ...timeCells(timing?.module)],
      ['Plain attention', plainParameters, plain.multiplyAdds / 1e6, ...timeCells(timing?.plain)],
    ],
  };
}

const timeCells = (time: ModuleTiming['module'] | undefined): readonly number[] =>
  time ? [time.medianMs, ...time.quartilesMs] : [Number.NaN, Number.NaN, Number.NaN];
