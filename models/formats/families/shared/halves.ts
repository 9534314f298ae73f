/** Tensors of an encoder-decoder whose halves have a row each. */
import type { ModelDescription, ModelPart } from '../../model-description';
import type { TensorTable } from '../../tensors/tensor-table';
import { writeDecoder } from './layout-tensors';
import { pairClassifier } from './encoder-heads';
import type { CompositeFamily, HalfRow, StackRow } from './family';

export const rowOfHalf = (half: HalfRow, part: ModelPart, modelType: string | undefined): StackRow =>
  typeof half === 'function' ? half(part, modelType) : half;

/** Nothing stands on top of an encoder. */
export function writeHalves(
  { decoder, encoder }: Required<Pick<CompositeFamily, 'decoder' | 'encoder'>>,
  model: ModelDescription,
  table: TensorTable,
): void {
  const top = { task: model.task, tied: model.tiedEmbeddings.value };
  for (const part of model.parts) {
    const { layout, computes } = rowOfHalf(part.role === 'decoder' ? decoder : encoder, part, model.modelType);
    const writer = table.writer(part);
    if (part.role === 'encoder') {
      writeDecoder({ ...layout, heads: {} })(part, writer, top);
      continue;
    }
    // A decoder that stands alone has words of its own.
    const { words, ...own } = layout;
    const alone = model.parts.length === 1;
    const tied = top.tied && !(alone && computes.ownHead === true);
    const classifies = !alone && top.task.kind === 'sequence-classification';
    writeDecoder({
      ...(alone || words === undefined ? own : layout),
      ...(classifies ? { heads: { text: pairClassifier } } : {}),
    })(part, writer, { ...top, tied });
  }
}
