/** Gradients of every text family, through the runner, against central differences of the plain model in float64. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import type { GradientRequest, Objective } from '../../../diagnostics/model-runner/gradients';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { tinyModels, tinyTensors } from '../../support/checkpoints/tiny-models';
import { tinyVariants } from '../../support/checkpoints/tiny-variants';
import { Float64Model } from './float64-model';
import { assertGradients, assertInChunks, blockTaps, Kinks } from './model-check';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11];

const objectives: readonly Objective[] = [
  { kind: 'loss', rows: [1, 4, 6, 8] },
  {
    kind: 'logits',
    terms: [
      { row: 9, token: 7, weight: 1 },
      { row: 9, token: 30, weight: -1 },
    ],
  },
];

/** A window on either side, and norms without weights. */
const otherMasksAndNorms = tinyVariants.filter(({ name }) => /both directions|: norms without weights$/.test(name));

const otherParts = [
  'apertus--ApertusForCausalLM',
  'bitnet--BitNetForCausalLM',
  'bloom--BloomForCausalLM--hard',
  'cohere--CohereForCausalLM--hard',
  'deberta--DebertaForMaskedLM--hard',
  'deberta_v2--DebertaV2ForMaskedLM--hard',
  'deepseek_v3--DeepseekV3ForCausalLM--hard',
  'falcon-rw--FalconForCausalLM--hard',
  'gpt_oss--GptOssForCausalLM--hard',
  'granite--GraniteForCausalLM--hard',
  'hunyuan_v1_dense--HunYuanDenseV1ForCausalLM',
  'mpnet--MPNetForMaskedLM',
  'nemotron--NemotronForCausalLM--hard',
  'nystromformer--NystromformerForMaskedLM',
  'olmo2--Olmo2ForCausalLM--hard',
  'phimoe--PhimoeForCausalLM--hard',
  'qwen2_moe--Qwen2MoeForCausalLM--hard',
  'roformer--RoFormerForCausalLM',
  'squeezebert--SqueezeBertForMaskedLM',
  'stablelm--StableLmForCausalLM--hard',
  'xglm--XGLMForCausalLM',
  'youtu--YoutuForCausalLM',
];

describe('Law: gradients of a model are central differences of the plain model', function () {
  this.timeout(60_000);
  const kinks = new Kinks();
  for (const tiny of [...tinyModels, ...otherMasksAndNorms]) {
    it(tiny.name, async () => {
      const opened = await openTiny(tiny);
      const { model } = opened;
      try {
        for (const objective of objectives) {
          const { spec } = model;
          const request: GradientRequest = {
            ids,
            objective,
            variant: [{ kind: 'gain', layer: 1, head: 2, gain: 0.6 }],
            taps: spec.blocks.flatMap(({ index }) =>
              (objective.kind === 'loss' ? blockTaps : fewTaps).map((tap) => ({ layer: index, tap })),
            ),
            headGains: true,
            embedding: true,
            weights: Object.keys(tiny.shapes).filter((name) => objective.kind === 'loss' && !unread(name)),
          };
          const result = await runGradients(model, { ...request, chunk: ids.length });
          const reference = new Float64Model(spec, model.weights, tinyTensors(tiny), request);
          assertGradients(`${tiny.name}, ${objective.kind}`, result, reference, kinks, objective.kind === 'loss');
          if (objective.kind === 'loss' && spec.blocks.every(({ attention }) => attention.causal)) {
            const windows = spec.blocks.map(({ attention }) => attention.window ?? Infinity);
            assertInChunks(await runGradients(model, { ...request, chunk: 4 }), result, windows);
          }
        }
      } finally {
        await opened.close();
      }
    });
  }

  // The parts that no tiny checkpoint has: each from a checkpoint of the reference folder, where it is at hand.
  for (const reference of referenceModels.filter(({ name }) => otherParts.includes(name))) {
    it(reference.name, async () => {
      const model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      try {
        const { spec } = model;
        const request: GradientRequest = {
          ids,
          objective: objectives[0]!,
          variant: [{ kind: 'gain', layer: 1, head: 1, gain: 0.6 }],
          taps: spec.blocks.flatMap(({ index }) => fewTaps.map((tap) => ({ layer: index, tap }))),
          headGains: true,
          embedding: true,
          weights: [],
        };
        const result = await runGradients(model, { ...request, chunk: ids.length });
        const tensors = readTensors(join(reference.folder, 'model.safetensors'));
        assertGradients(reference.name, result, new Float64Model(spec, model.weights, tensors, request), kinks, false);
      } finally {
        await model.sessions.release();
      }
    });
  }

  it('few differences lie across a kink', () => {
    assert.ok(kinks.moved <= kinks.compared / 50, `${kinks.moved} of ${kinks.compared}`);
  });
});

/** Where circuits are looked for; the others differ from the loss in the head alone. */
const fewTaps = ['attention.head_output', 'residual.input', 'mlp_output'] as const;

/** Tensors of BERT that its language head does not read. */
const unread = (name: string): boolean => /pooler|position_ids|seq_relationship/.test(name);
