import type { OtherModel } from '../../models/formats/other-model';
import type { ModelFacts, OtherFileFacts } from '../../protocol/language/requests';
import { noFacts } from './folder-facts';
import { JsonDocument } from './json-document';
import { modelFacts, modelSentence } from './model-facts';

/** What a file is and, where it describes one, the attention of its model, in one sentence. */
export const otherSentence = ({ title, description }: OtherModel): string =>
  description === undefined ? `${title}.` : `${title}, ${lowered(modelSentence(description))}`;

/** Initials stay as they are (`AWQ 4-bit`). */
const lowered = (sentence: string): string =>
  /^[A-Z]{2}/.test(sentence) ? sentence : sentence.charAt(0).toLowerCase() + sentence.slice(1);

/**
 * The facts of a GGUF file, a graph or an adapter, as those of a config; `base`: where the model of an adapter lies, `formOf`: the config
 * of the weights of which a GGUF file is another form.
 */
export const otherFacts = (
  uri: string,
  name: string,
  other: OtherModel,
  supported: ModelFacts['supported'],
  { base, formOf }: Pick<OtherFileFacts, 'base' | 'formOf'> = {},
): ModelFacts => {
  const { kind, title, description, parameters, bytes, formats, bitsPerWeight, details, notes } = other;
  const described =
    description === undefined
      ? null
      : modelFacts(
          { document: new JsonDocument(uri, ''), kind: undefined, parts: [], families: [], description },
          { ...noFacts, name },
          [],
        );
  // An adapter is described as its base: the parameters of that one are not its own.
  const { parameters: ofDescription, ...shown } = described ?? { family: 'none', parts: [] };
  return {
    ...shown,
    uri,
    name,
    sentence: otherSentence(other),
    ...(parameters === undefined
      ? ofDescription === undefined || kind === 'adapter'
        ? {}
        : { parameters: ofDescription }
      : {
          parameters: {
            total: parameters.total,
            active: parameters.active,
            parts: parameters.split.map((part) => ({ name: part.name, count: part.count })),
          },
        }),
    ...(formats.length === 0 ? {} : { weightBytes: bytes, formats }),
    ...(bitsPerWeight === undefined ? {} : { bitsPerWeight }),
    file: {
      ...{ kind, title, details, notes },
      ...(base === undefined ? {} : { base }),
      ...(formOf === undefined ? {} : { formOf }),
    },
    supported,
    errors: 0,
    warnings: 0,
  };
};
