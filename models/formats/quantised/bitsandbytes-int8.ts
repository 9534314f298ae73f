/** LLM.int8 of bitsandbytes (arXiv:2208.07339): signed bytes, and the largest magnitude of each row. */
import { QuantisedWeightsError, type ModuleParts, type PartTensor } from './module-parts';
import { axes, type QuantisedMatrix } from './quantised-matrix';
import { signedBytes } from './row-integers';

export async function int8Matrix<T extends PartTensor>(parts: ModuleParts<T>, codes: T): Promise<QuantisedMatrix<T>> {
  const [rows, columns] = axes(parts, codes);
  const scales = parts.need('.SCB');
  await parts.requireNumbers(scales);
  parts.requireShape(scales, [rows], `${rows} outputs`);
  const form = parts.get('.weight_format');
  const [order = 0] = form ? await parts.bytes(form) : [];
  if (form && order !== 0) {
    throw new QuantisedWeightsError(
      `${form.name} is ${order}, but Headscope reads only rows one after the other (0). Use the unquantised checkpoint.`,
    );
  }
  return {
    shape: [rows, columns],
    format: signedBytes({
      ...{ name: 'LLM.int8', divisor: 127 },
      ...{ rows, columns, group: columns, scaleType: scales.dtype },
    }),
    parts: { codes, scales },
  };
}
