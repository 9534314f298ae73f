/** Gradients of every text family, through the runner, against central differences of the plain model in float64. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import type { GradientRequest, Objective } from '../../../diagnostics/model-runner/gradients';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { tinyGemma3n } from '../../support/checkpoints/tiny-gemma3n';
import { tinyGemma4 } from '../../support/checkpoints/tiny-gemma4';
import { tinyMimoV2 } from '../../support/checkpoints/tiny-mimo-v2';
import { tinyModels, tinyTensors, type TinyModel } from '../../support/checkpoints/tiny-models';
import { tinyVariants } from '../../support/checkpoints/tiny-variants';
import { Float64Model } from './float64-model';
import { assertClose, assertGradients, assertInChunks, blockTaps, Kinks } from './model-check';

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

/** Values narrower than keys, experts in one tensor with norms of their own. Only the weights of one layer, as a comparison takes long. */
const ofOwnParts: readonly TinyModel[] = [...tinyGemma4, tinyGemma3n, tinyMimoV2];
const isWanted = (tiny: TinyModel, name: string): boolean =>
  !ofOwnParts.includes(tiny) || !/layers\.[0234]\./.test(name);

const otherParts = [
  'apertus--ApertusForCausalLM',
  'bitnet--BitNetForCausalLM',
  'bloom--BloomForCausalLM--hard',
  'cohere--CohereForCausalLM--hard',
  'deberta--DebertaForMaskedLM--hard',
  'deberta_v2--DebertaV2ForMaskedLM--hard',
  'deepseek_v3--DeepseekV3ForCausalLM--hard',
  'diffllama--DiffLlamaForCausalLM',
  'doge--DogeForCausalLM',
  'falcon-rw--FalconForCausalLM--hard',
  'fnet--FNetForMaskedLM',
  'funnel--FunnelForMaskedLM',
  'gpt_oss--GptOssForCausalLM--hard',
  'granite--GraniteForCausalLM--hard',
  'hunyuan_v1_dense--HunYuanDenseV1ForCausalLM',
  'jetmoe--JetMoeForCausalLM',
  'llama4_text--Llama4ForCausalLM--hard',
  'longcat_flash--LongcatFlashForCausalLM',
  'mobilebert--MobileBertForMaskedLM',
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
  'xlnet--XLNetLMHeadModel',
  'youtu--YoutuForCausalLM',
];

/** Recurrences instead of attention, beside it, and alone. */
const recurrent = [
  'qwen3_next--Qwen3NextForCausalLM',
  'qwen3_5_moe--Qwen3_5MoeForCausalLM',
  'falcon_h1--FalconH1ForCausalLM',
  'bamba--BambaForCausalLM',
  'granitemoehybrid--GraniteMoeHybridForCausalLM',
  'jamba--JambaForCausalLM',
  'lfm2--Lfm2ForCausalLM',
  'recurrent_gemma--RecurrentGemmaForCausalLM',
  'minimax--MiniMaxForCausalLM',
  'mamba--MambaForCausalLM',
  'mamba2--Mamba2ForCausalLM',
  'zamba--ZambaForCausalLM',
  'zamba2--Zamba2ForCausalLM',
  'rwkv--RwkvForCausalLM',
];

/** Families that hand on more than keys and values from chunk to chunk, or more than the stream from layer to layer. */
const inChunks = [...recurrent, 'longcat_flash--LongcatFlashForCausalLM'];

describe('Law: gradients of a model are central differences of the plain model', function () {
  this.timeout(60_000);
  const kinks = new Kinks();
  for (const tiny of [...tinyModels, ...otherMasksAndNorms, ...ofOwnParts]) {
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
            weights: Object.keys(tiny.shapes).filter(
              (name) => objective.kind === 'loss' && !unread(name) && isWanted(tiny, name),
            ),
          };
          const result = await runGradients(model, { ...request, chunk: ids.length });
          const reference = new Float64Model(spec, model.weights, tinyTensors(tiny), request);
          assertGradients(`${tiny.name}, ${objective.kind}`, result, reference, kinks, objective.kind === 'loss');
          if (objective.kind === 'loss' && spec.blocks.every(({ attention }) => attention!.causal)) {
            const windows = spec.blocks.map(({ attention }) => attention!.window ?? Infinity);
            assertInChunks(await runGradients(model, { ...request, chunk: 4 }), result, windows);
          }
        }
      } finally {
        await opened.close();
      }
    });
  }

  // The parts that no tiny checkpoint has: each from a checkpoint of the reference folder, where it is at hand.
  for (const reference of referenceModels.filter(({ name }) => [...otherParts, ...recurrent].includes(name))) {
    it(reference.name, async () => {
      const model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      try {
        const { spec } = model;
        const headless = spec.blocks.every(({ attention, state }) => !attention && !state);
        const request: GradientRequest = {
          ids,
          objective: objectives[0]!,
          variant: headless ? [] : [{ kind: 'gain', layer: 1, head: 0, gain: 0.6 }],
          taps: spec.blocks.flatMap(({ index }) =>
            fewTaps.flatMap((tap) => (headless && tap.endsWith('head_output') ? [] : { layer: index, tap })),
          ),
          headGains: !headless,
          embedding: true,
          weights: [],
        };
        const result = await runGradients(model, { ...request, chunk: ids.length });
        if (inChunks.includes(reference.name)) {
          // More positions than a block on the way back, and states between chunks.
          const objective: Objective = { kind: 'loss', rows: [8, 33, 41, 66] };
          const long = { ...request, objective, ids: Array.from({ length: 7 }, () => ids).flat() };
          const whole = await runGradients(model, { ...long, chunk: long.ids.length });
          const { embedding, layers } = await runGradients(model, { ...long, chunk: 40 });
          assertClose(embedding!, whole.embedding!, 'embedding');
          for (const [at, { layer, headGains }] of layers.entries())
            assertClose(headGains!, whole.layers[at]!.headGains!, `gains of layer ${layer}`);
        }
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
