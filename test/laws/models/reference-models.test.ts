/** Models of the reference folder, each beside the outputs of the class of transformers that its config names. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { architectures, runnable, visionArchitectures } from '../../../models/architectures/catalogue';
import { describeModel } from '../../../models/formats/describe-model';
import {
  decodedDifference,
  difference,
  differencesOf,
  folderOf,
  limitOf,
  refused,
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
const elsewhere = ['x_ecomla', 'big_bird', 'neobert'];

const textFamilies = new Set(architectures.flatMap(({ families }) => families));
const visionFamilies = new Set(visionArchitectures.flatMap(({ families }) => families));

/** Models all of whose parts are of families that run. */
const ofRunningFamilies = referenceModels.filter(({ config }) => {
  const model = describeModel(config);
  const known = model.parts.every(({ family }) => textFamilies.has(family) || visionFamilies.has(family));
  return known && model.parts.length > 0 && !/does not run/.test(String(runnable(model)));
});

async function release(model: LoadedModel): Promise<void> {
  await model.sessions.release();
  if (model.vision && model.vision.sessions !== model.sessions) await model.vision.sessions.release();
}

/**
 * For each part that families bring: heads that are given no output, and the rows of the value projection (and its bias) that make the
 * same of the weights, as the class lays them out: [folder, layer, heads, [tensor, first row, rows]].
 */
const silencedHeads: readonly (readonly [
  string,
  number,
  readonly number[],
  readonly (readonly [string, number, number])[],
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
    for (const each of compared) assert.ok(each.error <= limitOf(each), `${each.name} differs by ${each.error}`);
    const ids = expected.get('input.input_ids');
    const writes = model.spec.head.vocabulary && model.summary.causal && !model.multimodal;
    // Forms that choose their frequencies by the length of the text: what is cached of a shorter one is of another model.
    const stretched = model.spec.ropes.some(({ scaling: { kind } }) => kind === 'longrope' || kind === 'dynamic');
    if (!ids || !writes || stretched) return;
    const decoded = await decodedDifference(model, firstOf(ids).data);
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
      cpSync(reference.folder, copy, { recursive: true, mode: 0 });
      const tensors = readTensors(join(copy, 'model.safetensors'));
      for (const [tensor, first, count] of silenced) {
        const { shape, data } = tensors.get(tensor) ?? assert.fail(tensor);
        const row = data.length / (shape[0] ?? 1);
        data.fill(0, first * row, (first + count) * row);
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

  const experts = referenceModels.find(({ name }) => name === 'qwen3_moe--Qwen3MoeForCausalLM--hard');
  for (const [change, sentence] of [
    [{ num_local_experts: 12 }, /mlp\.gate\.weight is \[8, 48\], and the config makes it \[12, 48\]\. Correct/],
    [{ num_experts_per_tok: 9 }, /Layer 1 chooses 9 of 8 experts for each token\. Correct the config\./],
    [{ moe_intermediate_size: 40 }, /experts\.0\.up_proj\.weight is \[32, 48\], and the config makes it \[40, 48\]/],
    [{ mlp_only_layers: [0, 1, 2, 3] }, /lack model\.layers\.1\.mlp\.gate_proj\.weight, which the config asks for/],
  ] as const) {
    if (!experts) continue;
    it(`experts that a config contradicts: ${Object.keys(change).join(', ')}`, async () => {
      const copy = mkdtempSync(join(folder, 'experts-'));
      cpSync(experts.folder, copy, { recursive: true, mode: 0 });
      rmSync(join(copy, 'config.json'), { force: true });
      writeFileSync(join(copy, 'config.json'), JSON.stringify({ ...experts.config, ...change }));
      const running = async (): Promise<void> => {
        const model = await open(copy);
        await runPrompt(model.spec, model.sessions, { ids: [3, 4, 5], chunk: 3, logits: 'last' }).finally(() =>
          release(model),
        );
      };
      await assert.rejects(running, (error: Error & { failure?: { detail?: string } }) => {
        assert.match(error.failure?.detail ?? error.message, sentence);
        return true;
      });
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
