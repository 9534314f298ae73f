/** A module's outputs against its float64 reference, within what rounding explains (tensors/tolerance.ts). */
import { isExact, type Module, type ModuleCall, type Tensors } from '../module';
import type { ParameterValues } from '../mechanism';
import { movedRows } from '../perturbed';
import { Probed, type Comparison } from '../tensors/probed';
import { roundingUnit, type Arithmetic } from '../tensors/rounding';
import { seedFor } from '../tensors/random';
import { tensor, type Tensor } from '../tensors/tensor';

/** The relative error that rounding explains: that of `relativeRounding` with sums of 1024 numbers, for each of `depth` steps. */
const relative = ({ stored, summed }: Arithmetic, depth: number): number =>
  depth * (4 * roundingUnit(stored) + 2 * Math.sqrt(1024) * roundingUnit(summed));

/** What a number near 0 loses, whatever its size. */
const floor = ({ stored }: Arithmetic): number => (stored === 'float16' ? 2 ** -20 : 2 ** -80);

/** Inputs and weights moved as `perturbed` moves them; labels and masks stay. */
function movedCall(
  module: Module,
  call: ModuleCall,
  parameters: ParameterValues,
  by: number,
  seed: number,
): ModuleCall {
  const exact = new Set(module.inputs(parameters).flatMap(({ name, kind }) => (isExact(kind) ? [name] : [])));
  const moved = (tensors: Tensors, except?: ReadonlySet<string>): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, x]) => [
        name,
        except?.has(name) ? x : movedRows(x, by, seedFor(seed, `moved ${name}`)),
      ]),
    );
  return { inputs: moved(call.inputs, exact), weights: moved(call.weights) };
}

/** An output is compared as one row: its bound goes by its largest number. */
const oneRow = ({ data }: Tensor): Tensor => tensor([1, data.length], data);

export interface OutputProof {
  readonly output: string;
  readonly comparison: Comparison;
}

export interface Proving {
  /** Every output of the reference. */
  readonly expected: Tensors;
  /** The proof of every output; `sparing` probes no more than they need. */
  readonly prove: (actual: Tensors, sparing?: boolean) => readonly OutputProof[];
}

export function proofsOf(
  module: Module,
  call: ModuleCall,
  parameters: ParameterValues,
  arithmetic: Arithmetic,
): Proving {
  const expected = module.reference(call, parameters);
  const known = new Map<string, Tensors>();
  const movedOutputs = (by: number, seed: number): Tensors => {
    const key = `${by} ${seed}`;
    const outputs = known.get(key) ?? module.reference(movedCall(module, call, parameters, by, seed), parameters);
    known.set(key, outputs);
    return outputs;
  };
  const probed = module.outputs(parameters).map(({ name }) => ({
    name,
    probed: new Probed({
      expected: oneRow(expected[name]!),
      moved: (by, seed) => oneRow(movedOutputs(by, seed)[name]!),
      by: relative(arithmetic, module.depth?.(parameters) ?? 1),
      floor: floor(arithmetic),
      chooses: module.chooses ?? false,
    }),
  }));
  const prove: Proving['prove'] = (actual, sparing = false) =>
    probed.map((each) => {
      const given = actual[each.name];
      if (!given) throw new TypeError(`${module.id} gave no output "${each.name}"`);
      if (given.shape.join() !== expected[each.name]!.shape.join()) {
        throw new RangeError(`${module.id} gives [${given.shape.join(', ')}] as "${each.name}"`);
      }
      return { output: each.name, comparison: each.probed.compareWith(oneRow(given), sparing) };
    });
  return { expected, prove };
}
