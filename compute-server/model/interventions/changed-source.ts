/** The source that a decoder reads, encoded under the interventions on its encoder. */
import { inEncoder, type Intervention } from '../../../protocol/interventions/interventions';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { encodedSource, type EncodingRun } from '../prompt/source';
import { chunkThatFits } from '../run/stream/budget';
import { lower } from './lower';

/** The sequence with its source encoded under these interventions; unchanged if none is on the encoder. */
export async function withChangedSource(
  opened: LoadedModel,
  sequence: Sequence,
  interventions: readonly Intervention[],
  { memoryLimit, signal = new AbortController().signal }: EncodingRun,
): Promise<Sequence> {
  const [encoder, { source }, own] = [opened.source, sequence, inEncoder(interventions)];
  if (!encoder || !source || own.length === 0) return sequence;
  const { ids } = source;
  const chunk = chunkThatFits(encoder, { length: ids.length, batch: 1, keepCache: false, logits: 'none' }, memoryLimit);
  const {
    variants: [variant = []],
    groups: variantGroups,
  } = await lower({ opened, model: encoder, sequence: { ids }, chunk, memoryLimit, signal }, [own]);
  const stream = await encodedSource(encoder, { ids, groups: variantGroups }, { memoryLimit, signal, variant });
  return { ...sequence, source: { ...source, stream, variant, variantGroups } };
}
