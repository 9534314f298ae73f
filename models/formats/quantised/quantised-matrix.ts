/** A matrix of a checkpoint that is stored in integers or small floats, and what the config and the tensors say of its sizes. */
import type { Quantisation } from '../model-description';
import type { NumberFormat } from '../number-formats/number-format';
import { QuantisedWeightsError, type ModuleParts, type PartTensor } from './module-parts';

export interface QuantisedMatrix<T extends PartTensor> {
  /** The shape of its numbers. */
  readonly shape: readonly number[];
  /** The transpose is stored: of a tensor with three axes, that of each matrix. */
  readonly transposed?: true;
  readonly format: NumberFormat;
  /** By the names that the format uses, the numbers first. */
  readonly parts: Readonly<Record<string, T>>;
}

export const axes = <T extends PartTensor>(parts: ModuleParts<T>, tensor: T): readonly [number, number] => {
  const [rows = 0, columns = 0] = tensor.shape;
  if (tensor.shape.length !== 2 || rows < 1 || columns < 1) {
    throw new QuantisedWeightsError(
      `${tensor.name} is [${tensor.shape.join(', ')}], but a matrix has two axes. Fetch the checkpoint of ${parts.module} again.`,
    );
  }
  return [rows, columns];
};

/** The bits that the config says; if modules differ, those that follow from the number of words for these inputs. */
export function bitsOf({ bits = 4, mixed }: Quantisation, words: number, columns: number): number {
  const own = (words * 32) / columns;
  return mixed === true && Number.isInteger(own) && own >= 2 && own <= 8 ? own : bits;
}

/** How many columns share a scale, as the config says (-1: all); if modules differ, as the scales show. */
export function groupOf<T extends PartTensor>(
  parts: ModuleParts<T>,
  { groupSize = -1, mixed }: Quantisation,
  columns: number,
  groups = 0,
): number {
  const said = groupSize <= 0 ? columns : groupSize;
  const group = mixed === true && groups > 0 ? columns / groups : said;
  if (columns % group !== 0) {
    throw new QuantisedWeightsError(
      `Groups of ${group} do not divide the ${columns} inputs of ${parts.module}. Correct the group size in the config, or fetch the weights that belong to it.`,
    );
  }
  return group;
}
