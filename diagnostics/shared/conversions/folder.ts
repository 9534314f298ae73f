/** The folder that a conversion writes: a parameter of every analysis that is one. */
import { FailureError } from '../../../protocol/wire/failures';
import type { Parameter } from '../../../protocol/analysis/parameters';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { folderParameter } from '../../experiment';
import { dtypeSize, type DraftCheckpoint, type NewCheckpoint } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';
import * as field from '../../../kernels/parameters';

export const conversionFolder: Parameter = field.folder(
  'Folder of the new model',
  'A new or an empty folder for the converted checkpoint; empty: nothing is written',
);

/** What a run says of its own while the checkpoint is written; `share` from 0 to 1. */
export interface Writing {
  readonly sentence: string;
  readonly share: number;
}

/** Everything that can be refused, before anything is measured or written. `weightBytes`: of the new checkpoint. */
export async function requireConvertible(
  { checkpoint }: Pick<ModelRunner, 'checkpoint'>,
  folder: string,
  weightBytes: number,
): Promise<void> {
  if (folder === '') return;
  if (checkpoint.description.quantisation !== undefined) {
    const detail =
      'The weights of this model are quantised, and a conversion cuts and computes plain ones. Choose the checkpoint in F32, F16 or BF16.';
    throw new FailureError({ code: 'unsupported', detail });
  }
  const odd = checkpoint.tensors.find(({ dtype }) => Number.isNaN(dtypeSize(dtype)));
  if (odd) {
    const detail = `${odd.name} is ${odd.dtype}, but a conversion cuts and computes plain numbers. Choose the checkpoint in F32, F16 or BF16, with any adapter merged into it.`;
    throw new FailureError({ code: 'unsupported', detail });
  }
  await checkpoint.requireWritable(folder, weightBytes);
}

/** The checkpoint under a temporary name, to be measured and kept (`DraftCheckpoint.keep`). */
export async function* drafted(
  { checkpoint }: Pick<ModelRunner, 'checkpoint'>,
  folder: string,
  made: NewCheckpoint,
): AsyncGenerator<Writing, DraftCheckpoint<ModelRunner>> {
  const writing = checkpoint.draft(folder, made);
  for (;;) {
    const step = await writing.next();
    if (step.done) return step.value;
    const { tensor, bytes, totalBytes } = step.value;
    yield { sentence: `Writing ${tensor}`, share: totalBytes > 0 ? bytes / totalBytes : 1 };
  }
}

/** Settings as files name them: where the files lie is not one. */
export const settingsOf = ({ [folderParameter]: _, ...settings }: ParameterValues): ParameterValues => settings;
