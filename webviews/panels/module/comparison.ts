/** Two runs of a module as one table. Pure. */
import { whyNotCompared } from '../../../protocol/results/comparability';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import type { TableSection } from '../../../protocol/sections/table';

/**
 * What the two have alike, row by row, with there / here where both have it. The runs were not made in turn, so nothing is tested:
 * a machine that was busier in one of them shows in its times, less in their ratio to plain attention.
 */
export function comparedRuns(
  here: { readonly name: string; readonly result: ModuleResult },
  there: { readonly name: string; readonly result: ModuleResult },
): TableSection | undefined {
  if (whyNotCompared(here.result, there.result, there.name) !== undefined) return undefined;
  const row = (what: string, of: (result: ModuleResult) => number | undefined): readonly (string | number)[] => {
    const [a, b] = [of(here.result) ?? Number.NaN, of(there.result) ?? Number.NaN];
    return [what, shortened(a), shortened(b), b / a];
  };
  const outputs = here.result.proofs.map(({ output }) =>
    row(`Largest error of ${output}`, ({ proofs }) => proofs.find((proof) => proof.output === output)?.maxError),
  );
  return {
    kind: 'table',
    id: 'compared',
    title: 'Both runs',
    caption:
      'Two runs that were not made in turn: a busier machine shows in the times, less in their ratios to plain attention.',
    columns: [
      { name: 'what', title: '', kind: 'text' },
      { name: 'here', title: here.name, kind: 'number', digits: 7 },
      { name: 'there', title: there.name, kind: 'number', digits: 7 },
      { name: 'ratio', title: 'Ratio', kind: 'number', digits: 3, definition: 'the second number / the first' },
    ],
    rows: [
      row('Time of a call (ms)', ({ timing }) => timing?.module.medianMs),
      row('Time of plain attention (ms)', ({ timing }) => timing?.plain.medianMs),
      row('Plain attention / module', ({ timing }) => timing?.ratio.median),
      row('Parameters', ({ cost }) => cost.parameters),
      row('Multiply-adds', ({ cost }) => cost.multiplyAdds),
      ...outputs,
    ],
  };
}

/** What is measured to four digits, counts whole. */
const shortened = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(4)));
