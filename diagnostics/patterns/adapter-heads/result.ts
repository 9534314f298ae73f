/** The result of the analysis `adapter-heads`. */
import type { Output } from '../../../protocol/schema/check';
import { figure, list, numbers, object, text, texts } from '../../../protocol/schema/fields';
import { comparedTensor, perHead } from '../../shared/beside/compared';

export const adapterHeadsResult = object({
  /** Name of the base. */
  base: text,
  /** Relative change of the rows (columns of the output) of each head: |dW| / |W| in Frobenius norms. */
  query: perHead,
  key: perHead,
  value: perHead,
  output: perHead,
  /** All of them together. */
  weights: perHead,
  /** The largest singular value of that change, over the same |W|. */
  spectral: perHead,
  /** Mean Jensen-Shannon distance of a row of attention. */
  maps: perHead,
  /** Relative change of the output of the head. */
  outputs: perHead,
  /** Mean over the tokens of KL(base || model) of the next token, nats. */
  divergence: figure,
  divergences: numbers,
  /** Share of the tokens after which both predict the same token. */
  agree: figure,
  tensors: list(comparedTensor, 'a list of tensors'),
  notes: texts,
});
export type AdapterHeadsResult = Output<typeof adapterHeadsResult>;
