/** Models of the reference folder, each beside the outputs of the class of transformers that its config names. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { architectures, runnable, unreadParts, visionArchitectures } from '../../../models/architectures/catalogue';
import { describeModel } from '../../../models/formats/describe-model';
import {
  decodedDifference,
  difference,
  differencesOf,
  folderOf,
  givenMore,
  limitOf,
  otherClass,
  refused,
  sourceOfDecoder,
  unopened,
} from '../../support/reference/compare-model';
import { writeSafetensors } from '../../support/safetensors-file';
import { firstOf, readExpected, referenceModels, type ReferenceModel } from '../../support/reference/reference-models';
import {
  boundedVariants,
  readTensors,
  referencePairs,
  referenceVariants,
  variantConfigs,
  writeVariant,
} from '../../support/reference/variants';

/** Families of text with another second source: float64 passes of laws of their own, or the reference of another family (variants.ts). */
const elsewhere = [
  'x_ecomla',
  'big_bird',
  'neobert',
  'fsmt',
  'switch_transformers',
  'gte',
  'nomic_bert',
  'nemotron_h',
  'gemma4',
  'mimo_v2',
  'minimax_m3',
  'gla',
  'mosaic_gpt',
  'rwkv6',
];

const textFamilies = new Set(architectures.flatMap(({ families }) => families));
const visionFamilies = new Set(visionArchitectures.flatMap(({ families }) => families));

/**
 * Their class puts a picture before all text and does not give its rows, or it gives only the embedding of a text beside that of a
 * picture. The text parts are compared under other names (whole-variants.ts).
 */
const notGiven =
  /^(blip_2|instructblip|clap--ClapModel|clipseg--CLIPSegModel|metaclip_2--MetaClip2Model|siglip2--Siglip2Model)/;

/** Models all of whose parts are of families that run, or whose text part runs alone. */
const ofRunningFamilies = referenceModels.filter(({ config, name }) => {
  if ((givenMore[name] ?? otherClass[name]) !== undefined) return false;
  const model = describeModel(config);
  if (unreadParts(model) !== undefined) return runnable(model) === true && !notGiven.test(name);
  const known = model.parts.every(({ family }) => textFamilies.has(family) || visionFamilies.has(family));
  return known && model.parts.length > 0 && !/does not run/.test(String(runnable(model)));
});

async function release(model: LoadedModel): Promise<void> {
  await model.sessions.release();
  await model.source?.sessions.release();
  if (model.vision && model.vision.sessions !== model.sessions) await model.vision.sessions.release();
}

/**
 * For each part that families bring: heads that are given no output, and the rows of the value projection (and its bias) that make the
 * same of the weights, as the class lays them out: [folder, layer, heads, [tensor, first row, rows]], or columns of the output projection.
 */
const silencedHeads: readonly (readonly [
  string,
  number,
  readonly number[],
  readonly (readonly [string, number, number, 'columns'?])[],
])[] = [
  // Query, key and value of 3 heads, head after head; ALiBi.
  [
    'bloom--BloomForCausalLM--hard',
    1,
    [1],
    ['weight', 'bias'].map((of) => [`transformer.h.1.self_attention.query_key_value.${of}`, (3 * 1 + 2) * 16, 16]),
  ],
  // Two groups of two queries, a key and a value; parallel branches.
  [
    'falcon-40b--FalconForCausalLM--hard',
    0,
    [2, 3],
    [['transformer.h.0.self_attention.query_key_value.weight', 7 * 12, 12]],
  ],
  // Four groups of one head: queries, values, keys.
  ['codegen--CodeGenForCausalLM', 1, [2], [['transformer.h.1.attn.qkv_proj.weight', 2 * 24 + 8, 8]]],
  // Norms over all heads, behind the branches.
  ['olmo2--Olmo2ForCausalLM--hard', 2, [0, 1], [['model.layers.2.self_attn.v_proj.weight', 0, 12]]],
  // A gain for each head, parallel branches, a factor on the logits.
  ['cohere--CohereForCausalLM--hard', 1, [2, 3], [['model.layers.1.self_attn.v_proj.weight', 12, 12]]],
  // Factors on embedding, scores, branches and logits.
  ['granite--GraniteForCausalLM--hard', 0, [0, 1], [['model.layers.0.self_attn.v_proj.weight', 0, 12]]],
  // A norm of the outputs of all heads.
  ['bitnet--BitNetForCausalLM', 1, [2, 3], [['model.layers.1.self_attn.v_proj.weight', 16, 16]]],
  // Norms without weights, rotation backwards.
  ['nanochat--NanoChatForCausalLM', 0, [1], [['model.layers.0.self_attn.v_proj.weight', 16, 16]]],
  // Relative buckets, both ways.
  [
    'mpnet--MPNetForMaskedLM',
    1,
    [2],
    ['weight', 'bias'].map((of) => [`mpnet.encoder.layer.1.attention.attn.v.${of}`, 32, 16]),
  ],
  // Three terms of scores; queries, keys and values head after head, with biases of their own.
  [
    'deberta--DebertaForMaskedLM--hard',
    2,
    [1],
    [
      ['deberta.encoder.layer.2.attention.self.in_proj.weight', (3 * 1 + 2) * 12, 12],
      ['deberta.encoder.layer.2.attention.self.v_bias', 12, 12],
    ],
  ],
  [
    'deberta_v2--DebertaV2ForMaskedLM--hard',
    0,
    [0, 3],
    [0, 36].flatMap((first) =>
      ['weight', 'bias'].map((of) => [`deberta.encoder.layer.0.attention.self.value_proj.${of}`, first, 12] as const),
    ),
  ],
  // A window on both sides, and positions behind padding.
  [
    'longformer--LongformerForMaskedLM',
    1,
    [0],
    ['weight', 'bias'].map((of) => [`longformer.encoder.layer.1.attention.self.value.${of}`, 0, 8]),
  ],
  // A narrower embedding, layers of groups.
  [
    'albert--AlbertForMaskedLM',
    1,
    [3],
    ['weight', 'bias'].map((of) => [
      `albert.encoder.albert_layer_groups.1.albert_layers.0.attention.value.${of}`,
      12,
      4,
    ]),
  ],
  // Two rotary forms, a window on both sides, and a gated network.
  ['modernbert--ModernBertForMaskedLM--hard', 1, [1], [['model.layers.1.attn.Wqkv.weight', 2 * 48 + 12, 12]]],
  // Sines of a table.
  [
    'roformer--RoFormerForCausalLM',
    0,
    [3],
    ['weight', 'bias'].map((of) => [`roformer.encoder.layer.0.attention.self.value.${of}`, 24, 8]),
  ],
  // A convolution of values beside attention.
  [
    'nystromformer--NystromformerForMaskedLM',
    0,
    [1],
    ['weight', 'bias'].map((of) => [`nystromformer.encoder.layer.0.attention.self.value.${of}`, 8, 8]),
  ],
  // Maps in groups of channels.
  [
    'squeezebert--SqueezeBertForMaskedLM',
    1,
    [2],
    ['weight', 'bias'].map((of) => [`transformer.encoder.layers.1.attention.value.${of}`, 16, 8]),
  ],
  // Heads that write into a narrower stream.
  [
    'mobilebert--MobileBertForMaskedLM',
    0,
    [1],
    ['weight', 'bias'].map((of) => [`mobilebert.encoder.layer.0.attention.self.value.${of}`, 32, 32]),
  ],
  // Rows of groups of two, which read those of tokens.
  [
    'funnel--FunnelForMaskedLM',
    1,
    [2],
    ['weight', 'bias'].map((of) => [`funnel.encoder.blocks.1.0.attention.v_head.${of}`, 16, 8]),
  ],
  // Positions that are not learned, and norms behind the branches.
  [
    'marian--MarianForCausalLM',
    1,
    [2],
    ['weight', 'bias'].map((of) => [`model.decoder.layers.1.self_attn.v_proj.${of}`, 8, 4]),
  ],
  // Chunks of 8 positions, and in the last layer queries that are scaled by their position; experts whose weight is on what they read.
  ['llama4_text--Llama4ForCausalLM--hard', 0, [2, 3], [['model.layers.0.self_attn.v_proj.weight', 16, 16]]],
  ['llama4_text--Llama4ForCausalLM--hard', 3, [0, 1], [['model.layers.3.self_attn.v_proj.weight', 0, 16]]],
  // The gated delta rule, with two value heads for a key head: query, key, values and gates of a key head lie together.
  ['qwen3_next--Qwen3NextForCausalLM', 0, [3], [['model.layers.0.linear_attn.in_proj_qkvz.weight', 96 + 48, 16]]],
  // The same in four maps, and gates on the outputs of attention.
  [
    'qwen3_5_moe--Qwen3_5MoeForCausalLM',
    1,
    [3],
    [['model.language_model.layers.1.linear_attn.in_proj_qkv.weight', 176, 16]],
  ],
  ['qwen3_5_moe--Qwen3_5MoeForCausalLM', 0, [1], [['model.language_model.layers.0.self_attn.v_proj.weight', 16, 16]]],
  // Scores that grow with what values say, which silenced heads say still, and factors of the stream.
  ['doge--DogeForCausalLM', 1, [2], [['model.layers.1.self_attn.o_proj.weight', 16, 8, 'columns']]],
  // Pairs of heads, of whose outputs one is subtracted from the other: both of a pair.
  [
    'diffllama--DiffLlamaForCausalLM',
    0,
    [1, 3],
    [8, 24].map((first) => ['model.layers.0.self_attn.v_proj.weight', first, 8] as const),
  ],
  // Queries and outputs of experts that a token chooses: a value serves the same head of each of them.
  ['jetmoe--JetMoeForCausalLM', 1, [1, 3], [['model.layers.1.self_attention.kv_proj.weight', 16 + 8, 8]]],
  // The second attention of a stored layer, and rows of its map from the latent: per head 8 of its key, then 8 of its value.
  ['longcat_flash--LongcatFlashForCausalLM', 1, [3], [['model.layers.0.self_attn.1.kv_b_proj.weight', 16 * 3 + 8, 8]]],
  // The first, whose output goes through experts around the second.
  ['longcat_flash--LongcatFlashForCausalLM', 0, [5], [['model.layers.0.self_attn.0.kv_b_proj.weight', 16 * 5 + 8, 8]]],
  // Waves for positions.
  ['xglm--XGLMForCausalLM', 1, [3], ['weight', 'bias'].map((of) => [`model.layers.1.self_attn.v_proj.${of}`, 24, 8])],
];

describe(`${ofRunningFamilies.length} of ${referenceModels.length} reference models equal the classes of transformers that their configs name`, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-reference-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const open = (path: string): Promise<LoadedModel> => openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9 });

  async function assertEqual(reference: ReferenceModel, model: LoadedModel, factor = 1): Promise<void> {
    const expected = readExpected(reference);
    const logits = expected.get('output.logits');
    if (logits && factor !== 1)
      (expected as Map<string, typeof logits>).set('output.logits', {
        ...logits,
        data: logits.data.map((value) => value * factor),
      });
    const compared = await differencesOf(reference, model, expected);
    assert.ok(compared.length > 0, 'nothing was compared');
    // Maps that a class gives as a band of keys are compared in their place.
    if (reference.name.startsWith('longformer--'))
      assert.equal(compared.filter(({ name }) => name.startsWith('attentions.')).length, model.spec.blocks.length);
    for (const each of compared) assert.ok(each.error <= limitOf(each), `${each.name} differs by ${each.error}`);
    const ids = expected.get('input.decoder_input_ids') ?? expected.get('input.input_ids');
    const writes = model.spec.head.vocabulary && model.summary.causal && !model.multimodal;
    // Forms that choose their frequencies by the length of the text: what is cached of a shorter one is of another model.
    const stretched = model.spec.ropes.some(({ scaling: { kind } }) => kind === 'longrope' || kind === 'dynamic');
    if (!ids || !writes || stretched) return;
    const decoded = await decodedDifference(model, firstOf(ids).data, await sourceOfDecoder(model, expected));
    assert.ok(decoded <= 1e-5, `token by token the logits differ by ${decoded}`);
  }

  it('where they are at hand, each family of text that runs is among them', () => {
    const compared = [...ofRunningFamilies.map(({ config }) => config), ...variantConfigs];
    const found = new Set(compared.flatMap((config) => describeModel(config).parts.map((one) => one.family)));
    const missing = [...textFamilies].filter((family) => !found.has(family) && !elsewhere.includes(family));
    assert.deepEqual(
      missing,
      referenceModels.length === 0 ? [...textFamilies].filter((one) => !elsewhere.includes(one)) : [],
    );
  });

  for (const reference of ofRunningFamilies) {
    it(reference.name, async () => {
      const path = refused[reference.name];
      const verdict = String(runnable(describeModel(reference.config)));
      if (path) assert.ok(verdict.startsWith(`${path.join('.')} is `), verdict);
      const opening = open(folderOf(reference, folder));
      const why = unopened[reference.name];
      if (why) return assert.rejects(opening, why);
      const model = await opening;
      try {
        const unread = unreadParts(model.description);
        assert.deepEqual(
          [model.summary.unread, model.summary.notes?.[0]],
          [unread, unread ?? model.summary.notes?.[0]],
        );
        await assertEqual(reference, model);
      } finally {
        await release(model);
      }
    });
  }

  for (const variant of referenceVariants) {
    it(`${variant.of}, ${variant.what}`, async () => {
      const { reference, path } = writeVariant(variant, folder);
      const model = await open(path);
      try {
        await assertEqual(reference, model, variant.logits);
      } finally {
        await release(model);
      }
    });
  }

  for (const { name, last, variants } of referencePairs) {
    it(`${name}: the same as weights without the key`, async () => {
      const plain = referenceModels.find((each) => each.name === variants[0].of) ?? assert.fail();
      const ids = firstOf(readExpected(plain).get('input.input_ids') ?? assert.fail()).data;
      const [one = [], other = [], without = []] = await Promise.all(
        [...variants.map((variant) => writeVariant(variant, folder).path), plain.folder].map(async (path) => {
          const model = await open(path);
          const { logits } = await runPrompt(model.spec, model.sessions, { ids, chunk: ids.length, logits: 'all' });
          await release(model);
          const rows = [...(logits?.data ?? [])].map(Number);
          return last ? rows.slice(-rows.length / ids.length) : rows;
        }),
      );
      assert.ok(difference(one, other, true) <= 1e-5);
      assert.ok(difference(one, without, true) > 1e-2);
    });
  }

  for (const [name, layer, heads, silenced] of silencedHeads) {
    const reference = referenceModels.find((each) => each.name === name);
    if (!reference) continue;
    it(`${name}: heads without output are those whose values are nothing, and statistics are those of the class`, async () => {
      const expected = readExpected(reference);
      const ids = firstOf(expected.get('input.input_ids') ?? assert.fail()).data;
      const copy = join(folder, `${name}, silenced`);
      cpSync(reference.folder, copy, { recursive: true, dereference: true, mode: 0 });
      const tensors = readTensors(join(copy, 'model.safetensors'));
      for (const [tensor, first, count, columns] of silenced) {
        const { shape, data } = tensors.get(tensor) ?? assert.fail(tensor);
        const [rows = 1] = shape;
        const row = data.length / rows;
        if (!columns) data.fill(0, first * row, (first + count) * row);
        else for (let at = 0; at < rows; at++) data.fill(0, at * row + first, at * row + first + count);
      }
      rmSync(join(copy, 'model.safetensors'), { force: true });
      writeSafetensors(join(copy, 'model.safetensors'), tensors);
      const [whole, without] = [await open(reference.folder), await open(copy)];
      try {
        const request = { ids, chunk: 5, logits: 'all' } as const;
        const variant = heads.map((head) => ({ kind: 'gain', layer, head, gain: 0 }) as const);
        const changed = await runPrompt(whole.spec, whole.sessions, {
          ...request,
          variants: [variant],
          statistics: true,
        });
        const rebuilt = await runPrompt(without.spec, without.sessions, request);
        assert.ok(difference(changed.logits?.data ?? [], [...(rebuilt.logits?.data ?? [])].map(Number), true) <= 1e-5);
        const plain = await runPrompt(whole.spec, whole.sessions, { ...request, plain: true });
        assert.ok(difference(changed.logits?.data ?? [], [...(plain.logits?.data ?? [])].map(Number), true) > 1e-3);
        const measured = await runPrompt(whole.spec, whole.sessions, { ...request, statistics: true });
        assert.deepEqual(measured.logits, plain.logits, 'instrumented and plain graphs give the same bits');
      } finally {
        await release(whole);
        await release(without);
      }
    });
  }

  for (const [name, change, sentence] of [
    [
      'llama4_text--Llama4ForCausalLM--hard',
      { num_local_experts: 6 },
      /feed_forward\.router\.weight is \[4, 48\], and the config makes it \[6, 48\]\. Correct the config/,
    ],
    [
      'doge--DogeForCausalLM',
      { num_key_value_heads: 2 },
      /^model\.layers\.0\.self_attn\.\S+ is \[.*\], and the config makes it \[.*\]\. Correct the config/,
    ],
    [
      'diffllama--DiffLlamaForCausalLM',
      { num_key_value_heads: 1 },
      /^Layer 0 has 4 heads and 1 of keys, which do not make pairs\.$/,
    ],
    [
      'moshi--MoshiForCausalLM',
      { vocab_size: 90 },
      /embed_tokens\.weight is \[100, 32\], and the config makes it \[91, 32\]\. Correct the config/,
    ],
    [
      'bart--BartForCausalLM',
      { max_position_embeddings: 60 },
      /embed_positions\.weight is \[52, 16\], and the config makes it \[62, 16\]\. Correct the config/,
    ],
    [
      'qwen2--Qwen2ForCausalLM--hard',
      { num_hidden_layers: 6, layer_types: undefined },
      /^num_hidden_layers is 6, and the weights have 4 layers\./,
    ],
    [
      'olmo3--Olmo3ForCausalLM--hard',
      { num_hidden_layers: 5, layer_types: undefined },
      /^num_hidden_layers is 5, and the weights have 4 layers\./,
    ],
    ['bert--BertLMHeadModel', { num_hidden_layers: 7 }, /^num_hidden_layers is 7, and the weights have 2 layers\./],
    [
      'olmo3--Olmo3ForCausalLM--hard',
      { layer_types: Array.from({ length: 5 }, () => 'full_attention') },
      /^layer_types has 5 entries and num_hidden_layers is 4\. There must be one entry for each layer\. Correct the config\.$/,
    ],
    [
      'smollm3--SmolLM3ForCausalLM--hard',
      { no_rope_layers: [1] },
      /^no_rope_layers has 1 entries and num_hidden_layers is 4\./,
    ],
    [
      'markuplm--MarkupLMModel',
      { tag_pad_id: 20 },
      /^A text reads row 20 of embeddings\..*tag_sub_embeddings\.0\.weight, but the config gives it 20 rows\./,
    ],
    ['layoutlmv3--LayoutLMv3Model', { coordinate_size: 5 }, /^Tables of 32 numbers in all are added to words of 36\./],
    [
      'deepseek_v3--DeepseekV3ForCausalLM--hard',
      { n_group: 3 },
      /^Layer 1 has 8 experts, which 3 groups do not divide\. Correct the config\.$/,
    ],
  ] as const) {
    const reference = referenceModels.find((each) => each.name === name);
    if (!reference) continue;
    it(`${name} with ${JSON.stringify(change)} is refused with both numbers`, async () => {
      const copy = mkdtempSync(join(folder, 'contradicted-'));
      cpSync(reference.folder, copy, { recursive: true, dereference: true, mode: 0 });
      rmSync(join(copy, 'config.json'), { force: true });
      writeFileSync(join(copy, 'config.json'), JSON.stringify({ ...reference.config, ...change }));
      const ids = firstOf(readExpected(reference).get('input.input_ids') ?? assert.fail()).data;
      const running = async (): Promise<void> => {
        const model = await open(copy);
        const request = { ids, chunk: ids.length, logits: 'last' } as const;
        try {
          await runPrompt(model.spec, model.sessions, request);
        } finally {
          await release(model);
        }
      };
      await assert.rejects(running, (error: Error & { failure?: { detail?: string } }) => {
        assert.match(error.failure?.detail ?? error.message, sentence);
        return true;
      });
    });
  }

  /** Heads of cross-attention without output, and the rows of the value projection that make the same of the weights. */
  for (const [name, heads, tensor, first, count] of [
    // Two queries of a key; capped scores, norms on both sides.
    ['t5gemma--T5GemmaForConditionalGeneration', [2, 3], 'model.decoder.layers.1.cross_attn.v_proj', 8, 8],
    // Norms before the branches.
    ['mbart--MBartForConditionalGeneration', [1], 'model.decoder.layers.1.encoder_attn.v_proj', 4, 4],
  ] as const) {
    const reference = referenceModels.find((each) => each.name === name);
    if (!reference) continue;
    it(`${name}: heads of cross-attention without output are those whose values are nothing`, async () => {
      const expected = readExpected(reference);
      const ids = firstOf(expected.get('input.decoder_input_ids') ?? assert.fail()).data;
      const copy = join(folder, `${name}, silenced`);
      cpSync(reference.folder, copy, { recursive: true, mode: 0 });
      const tensors = readTensors(join(copy, 'model.safetensors'));
      for (const part of ['weight', 'bias']) {
        const own = tensors.get(`${tensor}.${part}`);
        const row = own ? own.data.length / (own.shape[0] ?? 1) : 0;
        own?.data.fill(0, first * row, (first + count) * row);
      }
      rmSync(join(copy, 'model.safetensors'), { force: true });
      writeSafetensors(join(copy, 'model.safetensors'), tensors);
      const [whole, without] = [await open(reference.folder), await open(copy)];
      try {
        const request = { ...(await sourceOfDecoder(whole, expected)), ids, chunk: 3, logits: 'all' } as const;
        const variant = heads.map((head) => ({ kind: 'cross-gain', layer: 1, head, gain: 0 }) as const);
        const changed = await runPrompt(whole.spec, whole.sessions, { ...request, variants: [variant] });
        const rebuilt = await runPrompt(without.spec, without.sessions, request);
        const numbers = [...(rebuilt.logits?.data ?? [])].map(Number);
        assert.ok(difference(changed.logits?.data ?? [], numbers, true) <= 1e-5);
        const plain = await runPrompt(whole.spec, whole.sessions, { ...request, plain: true });
        assert.ok(difference(plain.logits?.data ?? [], numbers, true) > 1e-3);
      } finally {
        await release(whole);
        await release(without);
      }
    });
  }

  for (const variant of boundedVariants) {
    it(`${variant.of}, ${variant.what}: each number of a query, a key and a value`, async () => {
      const { reference, path } = writeVariant(variant, folder);
      const ids = firstOf(readExpected(reference).get('input.input_ids') ?? assert.fail()).data;
      const taps = (['attention.query', 'attention.key', 'attention.value'] as const).map((tap) => ({ layer: 0, tap }));
      const [free, held] = await Promise.all(
        [reference.folder, path].map(async (at) => {
          const model = await open(at);
          // The first row alone: it is not rotated.
          const { layers } = await runPrompt(model.spec, model.sessions, {
            ids: ids.slice(0, 1),
            chunk: 1,
            logits: 'none',
            taps,
          });
          await release(model);
          return taps.map(({ tap }) => [...(layers[0]?.taps[tap]?.data ?? [])].map(Number));
        }),
      );
      const bound = 0.5;
      free?.forEach((values, kind) => {
        assert.ok(values.some((value) => Math.abs(value) > bound) && values.some((value) => Math.abs(value) < bound));
        assert.deepEqual(
          held?.[kind],
          values.map((value) => Math.min(bound, Math.max(-bound, value))),
        );
      });
    });
  }
});
