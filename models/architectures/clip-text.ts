/** CLIP's text tower: a causal stack with quick GELU; the row of the end token is the embedding of the text. */
import { amount } from '../formats/families/shared/family';
import {
  activationOf,
  epsilonOf,
  Names,
  vocabularyOf,
  type Architecture,
  type ArchitectureInput,
} from './architecture';
import { clipNames } from './clip-vision';
import { attentionIn } from './block-heads';
import type { HeadSpec, ModelSpec, TextPooling } from './model-spec';
import { encoderBlock } from './vision-tower';

/** The stack that the text towers of CLIP and SigLIP share. */
export function textTower(
  input: ArchitectureInput,
  causal: boolean,
  head: (names: Names, hidden: number, epsilon: number) => HeadSpec,
): ModelSpec {
  const { part } = input;
  const names = Names.find(input, ['text_model.', ''], 'embeddings.token_embedding.weight');
  const hidden = part.hiddenSize;
  const layer = { ...clipNames, epsilon: epsilonOf(part), activation: activationOf(part.activation) };
  return {
    family: part.family,
    hiddenSize: hidden,
    embedding: {
      tokens: names.name('embeddings.token_embedding.weight'),
      vocabulary: vocabularyOf(part),
      width: hidden,
      positions: {
        weight: names.name('embeddings.position_embedding.weight'),
        rows: part.contextLength ?? 0,
        offset: 0,
      },
    },
    blocks: part.layers.map((each) => {
      const block = encoderBlock(each, names.at(`encoder.layers.${each.index}.`), hidden, layer);
      return { ...block, attention: { ...attentionIn(block), causal } };
    }),
    head: head(names, hidden, layer.epsilon),
    ropes: [],
    contextLength: part.contextLength,
  };
}

/**
 * CLIPTextTransformer of transformers: configs from before its pull request 24773 say eos_token_id 2, which is not the id of the end
 * token; there the largest id of the text is taken, which is that of the end token.
 */
function pooledAt(end: number | undefined, modelType: string | undefined): TextPooling {
  // MetaCLIP 2 has another vocabulary: its end token is that of the config, even if it is 2.
  const own = modelType === 'metaclip_2_text_model';
  return end === undefined || (end === 2 && !own) ? { kind: 'largest-id' } : { kind: 'token', id: end };
}

export const clipText: Architecture = {
  families: ['clip_text'],
  specify: (input) =>
    textTower(input, true, (names, hidden, epsilon) => {
      const [width] = input.weights.find(`${input.prefix}text_projection.weight`)?.shape ?? [];
      return {
        norm: names.layerNorm('final_layer_norm', hidden, epsilon),
        ...(width === undefined
          ? {}
          : { project: new Names(input.weights, input.prefix).linear('text_projection', hidden, width) }),
        pooled: pooledAt(amount(input.part, 'eos_token_id'), input.part.modelType),
      };
    }),
};
