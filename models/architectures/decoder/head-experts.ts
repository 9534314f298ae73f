/** Attention whose queries and outputs are chosen among experts (JetMoE), from its row. */
import type { DecoderLayout } from '../../formats/families/shared/decoder-layout';
import type { Layer } from '../../formats/model-description';
import type { Names } from '../architecture';
import type { AttentionSpec } from '../attention-spec';
import { ModelError } from '../model-spec';
import type { Linear } from '../weights-spec';
import type { Stack } from './stack';

export function headExpertsOf(
  { part }: Stack,
  { index, attention, feedForward: { experts } }: Layer,
  at: Names,
  names: NonNullable<DecoderLayout['attention']['experts']>,
): AttentionSpec {
  const { heads, kvHeads, headDim, rope, causal } = attention;
  if (!experts)
    throw new ModelError(
      `Layer ${index} has no experts to choose queries from. Correct num_local_experts in the config.`,
    );
  const { count, perToken } = experts;
  if (perToken < 1 || perToken > count || heads !== perToken * kvHeads)
    throw new ModelError(
      `Layer ${index} has ${heads} heads, where ${perToken} of ${count} experts with ${kvHeads} heads each have ${perToken * kvHeads}. Correct the config.`,
    );
  const { hiddenSize: hidden } = part;
  const own = kvHeads * headDim;
  const shared = (firstRow: number): Linear =>
    at.linear(names.keysAndValues, hidden, own, { firstRow, storedRows: 2 * own });
  return {
    projection: {
      kind: 'mixture',
      router: at.linear(names.router, hidden, count),
      perToken,
      query: {
        ...{ weight: at.name(`${names.query}.weight`), inputs: hidden, outputs: count * own },
        ...{ stored: 'outputs-inputs', storedShape: [count, own, hidden] },
      },
      key: shared(0),
      value: shared(own),
    },
    output: {
      ...{ weight: at.name(`${names.output}.weight`), inputs: own, outputs: hidden },
      ...{ stored: 'outputs-inputs', storedShape: [count, hidden, own] },
      bias: at.name(names.outputBias),
    },
    heads,
    kvHeads: heads,
    headDim,
    scale: headDim ** -0.5,
    causal,
    ...(rope === undefined ? {} : { rope }),
  };
}
