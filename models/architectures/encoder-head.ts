/** The head over the vocabulary that an encoder has, by the names of its row. */
import type { PredictionNames } from '../formats/families/shared/encoder-heads';
import { activationOf, Names, vocabularyOf, type ArchitectureInput } from './architecture';
import type { HeadSpec } from './model-spec';

/** Empty where the checkpoint holds none: the run ends with the last residual stream. `embedding` is the table that may be tied. */
export function predictionHead(
  input: ArchitectureInput,
  names: PredictionNames | undefined,
  embedding: string,
  epsilon: number,
): Pick<HeadSpec, 'transform' | 'vocabulary' | 'rest'> {
  if (!names) return {};
  const { part, model, weights, prefix, headPrefix = prefix } = input;
  const at = new Names(weights, headPrefix, input);
  const width = names.width?.(part) ?? part.hiddenSize;
  const inputs = names.rest ? names.rest.behind(part) : width;
  const { weight, bias } = at.linear(names.vocabulary, inputs, vocabularyOf(part));
  const stored = weights.find(weight) !== undefined;
  const { value: tied, source } = model.tiedEmbeddings;
  // Where the file leaves it open, a head that is stored is not the embedding.
  const shared = tied && !(stored && source.kind !== 'file');
  const beside = names.bias !== undefined && at.has(names.bias) ? at.name(names.bias) : undefined;
  if (
    names.dense === undefined ? !stored && beside === undefined && bias === undefined : !at.has(`${names.dense}.weight`)
  )
    return {};
  const activation = typeof names.activation === 'function' ? names.activation(part) : names.activation;
  return {
    ...(names.dense === undefined || names.norm === undefined
      ? {}
      : {
          transform: {
            linear: at.linear(names.dense, part.hiddenSize, width),
            activation: activationOf(activation ?? part.activation),
            norm: at.layerNorm(names.norm, width, epsilon),
          },
        }),
    vocabulary: {
      weight: shared ? embedding : weight,
      // The class ties both biases where it ties the weights.
      bias: shared ? (beside ?? bias) : (bias ?? beside),
      inputs,
      outputs: vocabularyOf(part),
      stored: 'outputs-inputs',
    },
    ...(names.rest && inputs < width
      ? {
          rest: {
            weight: at.name(`${names.rest.name}.weight`),
            inputs: width - inputs,
            outputs: vocabularyOf(part),
            stored: 'inputs-outputs',
          },
        }
      : {}),
  };
}
