/** Families that read more than a text, given only a text: models like BERT whose weights cancel the other inputs. */
import type { CheckpointTensor } from '../safetensors-file';
import { renamed, tensorOf, type Tensors, type Variant } from './variant-tensors';

/** The class adds the first row of some tables to a text; the same is subtracted from the token types. */
const takenBack = (
  tensors: Tensors,
  types: string,
  tables: readonly (readonly [name: string, times: number])[],
): void => {
  const own = tensorOf(tensors, types).data;
  const width = 32;
  tables.forEach(([name, times], table) => {
    const data = Float32Array.from({ length: 5 * width }, (_, i) => Math.sin(i + table));
    tensors.set(name, { shape: [5, width], data });
    for (let i = 0; i < width; i++) own[i]! -= times * (data[i] ?? 0);
  });
};

/** Some numbers of a shape. */
const numbers = (shape: readonly number[], from: number) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((all, one) => all * one, 1) }, (_, i) => Math.sin(from + 0.7 * i)),
});

const rowOf = ({ shape, data }: CheckpointTensor, row: number): readonly number[] => {
  const [, width = 1] = shape;
  return [...data.slice(row * width, (row + 1) * width)];
};

/** matrix x + bias */
const mapped = ({ shape, data }: CheckpointTensor, bias: CheckpointTensor, x: readonly number[]): readonly number[] =>
  Array.from({ length: shape[0] ?? 0 }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * (data[row * x.length + i] ?? 0), bias.data[row] ?? 0),
  );

/** Subtracted from the first token type, which every token of a text has. */
function takenFromKinds(tensors: Tensors, name: string, row: readonly number[]): void {
  const { data } = tensorOf(tensors, name);
  row.forEach((value, i) => (data[i] = (data[i] ?? 0) - value));
}

function asMarkupLm(tensors: Tensors): void {
  renamed([/^roberta\./, 'markuplm.'])(tensors);
  const at = (name: string): string => `markuplm.embeddings.xpath_embeddings.${name}`;
  const sums = [0, 1, 2].flatMap((level) => {
    const [tags, numbersOf] = [numbers([6, 4], level), numbers([5, 4], 10 + level)];
    tensors.set(at(`xpath_tag_sub_embeddings.${level}.weight`), tags);
    tensors.set(at(`xpath_subs_sub_embeddings.${level}.weight`), numbersOf);
    const number = rowOf(numbersOf, 4);
    return rowOf(tags, 2).map((tag, i) => tag + (number[i] ?? 0));
  });
  const network = (name: string, rows: number, columns: number, from: number) => {
    const [matrix, bias] = [numbers([rows, columns], from), numbers([rows], from + 1)];
    tensors.set(at(`${name}.weight`), matrix);
    tensors.set(at(`${name}.bias`), bias);
    return (x: readonly number[]) => mapped(matrix, bias, x);
  };
  const up = network('xpath_unitseq2_inner', 128, 12, 20);
  const down = network('inner2emb', 32, 128, 30);
  network('xpath_unitseq2_embeddings', 32, 12, 40);
  const place = down(up(sums).map((x) => Math.max(x, 0)));
  takenFromKinds(tensors, 'markuplm.embeddings.token_type_embeddings.weight', place);
}

/** The channels of the words are permuted, which the map reverses; the effect of the other inputs is subtracted from its bias. */
const asRocBert =
  (...beside: readonly ('shape' | 'pronunciation')[]) =>
  (tensors: Tensors): void => {
    renamed([/^bert\./, 'roc_bert.'])(tensors);
    const at = (name: string): string => `roc_bert.embeddings.${name}`;
    const words = tensorOf(tensors, at('word_embeddings.weight'));
    tensors.set('cls.predictions.decoder.weight', words);
    const moved = (i: number): number => (5 * i + 3) % 32;
    const own = new Float32Array(words.data.length);
    words.data.forEach((value, i) => (own[i - (i % 32) + moved(i % 32)] = value));
    tensors.set(at('word_embeddings.weight'), { shape: words.shape, data: own });
    const tables = { shape: numbers([4, 3], 1), pronunciation: numbers([5, 2], 2) };
    for (const of of beside) tensors.set(at(`${of}_embed.weight`), tables[of]);
    const row = beside.flatMap((of) => rowOf(tables[of], 0));
    const rest = numbers([32, row.length], 3);
    const columns = 32 + row.length;
    const data = Float32Array.from({ length: 32 * columns }, (_, i) => {
      const [output, column] = [Math.floor(i / columns), i % columns];
      return column < 32 ? Number(column === moved(output)) : (rest.data[output * row.length + column - 32] ?? 0);
    });
    tensors.set(at('map_inputs_layer.weight'), { shape: [32, columns], data });
    const added = mapped(rest, { shape: [32], data: new Float32Array(32) }, row);
    tensors.set(at('map_inputs_layer.bias'), { shape: [32], data: Float32Array.from(added, (value) => -value) });
  };

/** An empty box at the origin, which is subtracted from the token types. */
function withBox(tensors: Tensors, coordinate: number, size: number): void {
  const tables = {
    ...{ x: numbers([5, coordinate], 1), y: numbers([5, coordinate], 2) },
    ...{ h: numbers([5, size], 3), w: numbers([5, size], 4) },
  };
  for (const [axis, table] of Object.entries(tables))
    tensors.set(`layoutlmv3.embeddings.${axis}_position_embeddings.weight`, table);
  const { x, y, h, w } = tables;
  const box = [x, y, x, y, h, w].flatMap((table) => rowOf(table, 0));
  takenFromKinds(tensors, 'layoutlmv3.embeddings.token_type_embeddings.weight', box);
}

/** MPNet's biases of distances below 8, which have a bucket each; stored by head, times the root of its width, among twice as many buckets. */
function asLayoutLmV3(tensors: Tensors): void {
  renamed(
    [/^mpnet\./, 'layoutlmv3.'],
    [/attention\.attn\.q/, 'attention.self.query'],
    [/attention\.attn\.k/, 'attention.self.key'],
    [/attention\.attn\.v/, 'attention.self.value'],
    [/attention\.attn\.o/, 'attention.output.dense'],
    [/attention\.LayerNorm/, 'attention.output.LayerNorm'],
  )(tensors);
  const biases = tensorOf(tensors, 'layoutlmv3.encoder.relative_attention_bias.weight');
  const heads = 4;
  const byHead = Float32Array.from({ length: 64 * heads }, (_, i) => {
    const [head, behind, steps] = [Math.floor(i / 64), Math.floor((i % 64) / 32), i % 32];
    return steps < 8 ? (biases.data[(16 * behind + steps) * heads + head] ?? 0) * Math.sqrt(64 / heads) : 7;
  });
  tensors.delete('layoutlmv3.encoder.relative_attention_bias.weight');
  tensors.set('layoutlmv3.encoder.rel_pos_bias.weight', { shape: [heads, 64], data: byHead });
  tensors.set('layoutlmv3.embeddings.token_type_embeddings.weight', { shape: [1, 64], data: new Float32Array(64) });
  withBox(tensors, 12, 8);
}

/** A checkpoint of BERT or RoBERTa as one of a family that reads more than a text, given only a text. */
export const withoutMore: readonly Variant[] = [
  {
    of: 'bert--BertLMHeadModel',
    what: 'as LayoutLM',
    config: { model_type: 'layoutlm', architectures: ['LayoutLMForMaskedLM'], max_2d_position_embeddings: 5 },
    tensors(tensors) {
      renamed([/^bert\./, 'layoutlm.'])(tensors);
      const at = (axis: string): string => `layoutlm.embeddings.${axis}_position_embeddings.weight`;
      takenBack(tensors, 'layoutlm.embeddings.token_type_embeddings.weight', [
        [at('x'), 2],
        [at('y'), 2],
        [at('h'), 1],
        [at('w'), 1],
      ]);
    },
  },
  {
    of: 'bert--BertLMHeadModel',
    what: 'as VisualBERT',
    config: { model_type: 'visual_bert', architectures: ['VisualBertForPreTraining'] },
    tensors(tensors) {
      renamed([/^bert\./, 'visual_bert.'])(tensors);
      tensors.set('visual_bert.embeddings.visual_projection.bias', { shape: [32], data: new Float32Array(32) });
    },
  },
  {
    of: 'roberta--RobertaForCausalLM',
    what: 'as LUKE',
    config: { model_type: 'luke', architectures: ['LukeForMaskedLM'], use_entity_aware_attention: false },
    tensors(tensors) {
      renamed([/^roberta\./, 'luke.'], [/^lm_head\.bias/, 'lm_head.decoder.bias'])(tensors);
      tensors.set('luke.entity_embeddings.LayerNorm.bias', { shape: [32], data: new Float32Array(32) });
    },
  },
  {
    of: 'roberta--RobertaForCausalLM',
    what: 'as I-BERT',
    config: { model_type: 'ibert', architectures: ['IBertForMaskedLM'], quant_mode: false },
    tensors: renamed([/^roberta\./, 'ibert.']),
  },
  {
    of: 'roberta--RobertaForCausalLM',
    what: 'as MarkupLM',
    config: {
      ...{ model_type: 'markuplm', architectures: ['MarkupLMModel'], max_depth: 3, xpath_unit_hidden_size: 4 },
      ...{ max_xpath_tag_unit_embeddings: 6, max_xpath_subs_unit_embeddings: 5, tag_pad_id: 2, subs_pad_id: 4 },
    },
    tensors: asMarkupLm,
  },
  {
    of: 'bert--BertLMHeadModel',
    what: 'as RoCBert',
    config: {
      ...{ model_type: 'roc_bert', architectures: ['RoCBertForCausalLM'], tie_word_embeddings: false },
      ...{ shape_embed_dim: 3, shape_vocab_size: 4, pronunciation_embed_dim: 2, pronunciation_vocab_size: 5 },
    },
    tensors: asRocBert('shape', 'pronunciation'),
  },
  {
    of: 'bert--BertLMHeadModel',
    what: 'as RoCBert without shapes',
    config: {
      ...{ model_type: 'roc_bert', architectures: ['RoCBertForCausalLM'], tie_word_embeddings: false },
      ...{ enable_shape: false, pronunciation_embed_dim: 2, pronunciation_vocab_size: 5 },
    },
    tensors: asRocBert('pronunciation'),
  },
  {
    of: 'bert--BertLMHeadModel',
    what: 'as RoCBert without sounds',
    config: {
      ...{ model_type: 'roc_bert', architectures: ['RoCBertForCausalLM'], tie_word_embeddings: false },
      ...{ enable_pronunciation: false, shape_embed_dim: 3, shape_vocab_size: 4 },
    },
    tensors: asRocBert('shape'),
  },
  {
    of: 'bert--BertLMHeadModel',
    what: 'as RoCBert, which adds them to words',
    config: { model_type: 'roc_bert', architectures: ['RoCBertForCausalLM'], concat_input: false },
    tensors: renamed([/^bert\./, 'roc_bert.']),
  },
  {
    of: 'roberta--RobertaForCausalLM',
    what: 'as LayoutLMv3 without distances',
    config: {
      ...{ model_type: 'layoutlmv3', architectures: ['LayoutLMv3Model'], visual_embed: false },
      ...{ has_relative_attention_bias: false, has_spatial_attention_bias: false },
      ...{ max_2d_position_embeddings: 5, coordinate_size: 6, shape_size: 4 },
    },
    tensors(tensors) {
      renamed([/^roberta\./, 'layoutlmv3.'])(tensors);
      withBox(tensors, 6, 4);
    },
  },
  {
    of: 'mpnet--MPNetForMaskedLM',
    what: 'as LayoutLMv3',
    config: {
      ...{ model_type: 'layoutlmv3', architectures: ['LayoutLMv3Model'], visual_embed: false, type_vocab_size: 1 },
      ...{ has_spatial_attention_bias: false, max_2d_position_embeddings: 5, coordinate_size: 12, shape_size: 8 },
      ...{ rel_pos_bins: 64, max_rel_pos: 64, relative_attention_num_buckets: undefined },
    },
    tensors: asLayoutLmV3,
  },
];
