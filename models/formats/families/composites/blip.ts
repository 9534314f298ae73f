/** BLIP, BLIP-2, InstructBLIP and GIT. */
import type { CompositeRow } from './composite';
import { compositeFamily } from './composite';
import { t5 } from '../encoders/t5';
import { amount } from '../shared/family';

export const blip = compositeFamily({
  id: 'blip',
  title: 'BLIP',
  architectures: /^BlipFor/,
  text: { at: [['text_config']], type: 'blip_text_model', names: 'text_decoder.' },
  towers: [{ at: [['vision_config']], type: 'blip_vision_model', names: 'vision_model.' }],
  join: ({ text, towers: [tower] }) => {
    const positions = tower?.image?.tokens;
    const layers = text.layers.map((layer) =>
      layer.crossAttention === undefined || positions === undefined
        ? layer
        : { ...layer, crossAttention: { ...layer.crossAttention, sourcePositions: positions } },
    );
    return [{ ...text, layers }, ...(tower === undefined ? [] : [tower])];
  },
  // Other classes have a text encoder, or projections, beside or in place of the decoder.
  known: (_parts, reader) => reader.strings('architectures')?.[0] === 'BlipForConditionalGeneration',
  tensors: () => undefined,
});

/** The picture becomes `num_query_tokens` positions, which a linear layer brings to the width of the text. */
const queried = (row: Pick<CompositeRow, 'id' | 'title' | 'architectures'> & { readonly part: string }) =>
  compositeFamily({
    ...row,
    textAlone: true,
    text: { at: [['text_config']], type: 'opt', names: 'language_model.', pairs: { t5, mt5: t5 } },
    towers: [
      { at: [['vision_config']], type: `${row.part}_vision_model`, names: 'vision_model.' },
      { at: [['qformer_config']], type: `${row.part}_qformer`, names: 'qformer.' },
    ],
    join: ({ text, towers: [tower, queries], beside }, reader) => {
      const outputTokens = reader.integer('num_query_tokens', 1) ?? 32;
      const sourcePositions = tower?.image?.tokens;
      const layers = queries?.layers.map((layer) =>
        layer.crossAttention === undefined || sourcePositions === undefined
          ? layer
          : { ...layer, crossAttention: { ...layer.crossAttention, sourcePositions } },
      );
      return [
        text,
        ...beside,
        ...(tower === undefined
          ? []
          : [tower.image === undefined ? tower : { ...tower, image: { ...tower.image, outputTokens } }]),
        ...(queries === undefined
          ? []
          : [{ ...queries, layers: layers ?? queries.layers, contextLength: outputTokens }]),
      ];
    },
    projector: ({ text, towers: [, queries] }) => ({
      kind: 'learned queries and one linear layer',
      inputSize: queries?.hiddenSize ?? 0,
      outputSize: text.hiddenSize,
    }),
    known: (_parts, reader) => /ForConditionalGeneration$/.test(reader.strings('architectures')?.[0] ?? ''),
    tensors: (writer, { towers: [, queries] }, model) => {
      const { inputSize = 0, outputSize = 0 } = model.projector ?? {};
      writer.add('projector', 'query_tokens', [1, amount(model, 'num_query_tokens') ?? 32, queries?.hiddenSize ?? 0]);
      writer.linear('projector', 'language_projection', inputSize, outputSize, true);
    },
  });

export const blip2 = queried({
  id: 'blip-2',
  title: 'BLIP-2',
  architectures: /^Blip2For/,
  part: 'blip_2',
});
export const instructBlip = queried({
  id: 'instructblip',
  title: 'InstructBLIP',
  architectures: /^InstructBlipFor/,
  part: 'instructblip',
});

/** GIT for films reads six; a file with many more is no config, and its tensors would only cost time. */
const mostFrames = 64;

export const git = compositeFamily({
  id: 'git',
  title: 'GIT',
  architectures: /^GitFor/,
  record: ['num_image_with_embedding'],
  textAlone: true,
  text: { at: [[]], type: 'git_text' },
  towers: [{ at: [['vision_config']], type: 'git_vision_model', names: 'git.image_encoder.' }],
  projector: ({ text, towers: [tower] }) => ({
    kind: 'one linear layer and a norm',
    inputSize: tower?.hiddenSize ?? 0,
    outputSize: text.hiddenSize,
  }),
  known: (_parts, reader) =>
    reader.strings('architectures')?.[0] === 'GitForCausalLM' &&
    (reader.integer('num_image_with_embedding') ?? 0) <= mostFrames,
  tensors: (writer, _parts, model) => {
    const { inputSize = 0, outputSize = 0 } = model.projector ?? {};
    const own = writer.under('git.visual_projection.visual_projection.');
    own.linear('projector', '0', inputSize, outputSize, true);
    own.norm('1', outputSize, true);
    // One position for each picture of a film.
    for (let frame = 0; frame < (amount(model, 'num_image_with_embedding') ?? 0); frame++)
      writer.add('projector', `git.img_temperal_embedding.${frame}`, [1, 1, inputSize]);
  },
});
