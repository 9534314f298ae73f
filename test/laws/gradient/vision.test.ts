/** Gradients of models that read pictures: of the text around a picture and its rows, and of the encoder by itself. */
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { patchRows } from '../../../compute-server/model/checkpoint/vision-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { sequencePart } from '../../../diagnostics/model-runner/sequence';
import { normalTensor } from '../../../kernels/tensors/random';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import { tinyIdefics3, tinyLlava, tinyPaligemma } from '../../support/checkpoints/tiny-vision';
import { Float64Model } from './float64-model';
import { assertGradients, blockTaps, Kinks } from './model-check';

describe('Law: gradients of models that read pictures', function () {
  this.timeout(60_000);
  let vlms: TinyVlms;
  before(() => {
    vlms = new TinyVlms();
  });
  after(() => vlms.close());

  for (const tiny of [tinyLlava(), tinyPaligemma(1), tinyIdefics3('idefics3')]) {
    it(`${tiny.name}: rows of the picture, taps and weights around them, and the encoder`, async () => {
      const { model } = await vlms.open(tiny);
      const kinks = new Kinks();
      const prompt = { kind: 'ids', ids: [3, tiny.imageToken, 9, 22, 8], image: vlms.picture(12, 12) } as const;
      const sequence = sequencePart(await sequenceOf(model, prompt, { memoryLimit: 4e9 }));
      const tensors = tinyTensors(tiny);
      const last = sequence.ids.length - 1;
      const layers = model.spec.blocks.map(({ index }) => index);
      const taps = (['attention.head_output', 'attention.probabilities', 'residual.input'] as const).flatMap((tap) =>
        layers.map((layer) => ({ layer, tap })),
      );
      const embedding = model.spec.embedding?.tokens ?? '';
      const text: GradientRequest = {
        ...sequence,
        objective: {
          kind: 'logits',
          terms: [
            { row: last, token: 7, weight: 1 },
            { row: last, token: 30, weight: -1 },
          ],
        },
        taps,
        headGains: true,
        embedding: true,
        weights: [embedding],
      };
      const found = await runGradients(model, { ...text, chunk: sequence.ids.length });
      assertGradients(tiny.name, found, new Float64Model(model.spec, model.weights, tensors, text), kinks, false);

      const { stack } = model.vision!.tower;
      const { size, channels } = model.vision!.tower.patches;
      const pixels = Float32Array.from(normalTensor([channels * size * size], 2).data);
      const rows = await patchRows(model.vision!, pixels);
      const weights = Float32Array.from(normalTensor([rows.ids.length * stack.hiddenSize], 4).data);
      const encoder: GradientRequest = {
        ids: rows.ids,
        embeddings: rows.embeddings!,
        objective: { kind: 'stream', weights },
        taps: stack.blocks.flatMap(({ index }) => blockTaps.map((tap) => ({ layer: index, tap }))),
        headGains: true,
        embedding: true,
        weights: stack.blocks.flatMap(({ attention }) => attention.output.weight),
      };
      const vision = { spec: stack, sessions: model.vision!.sessions, weights: model.weights };
      const ofEncoder = await runGradients(vision, { ...encoder, chunk: rows.ids.length });
      const reference = new Float64Model(stack, model.weights, tensors, encoder);
      assertGradients(`${tiny.name}, encoder`, ofEncoder, reference, kinks, false);
    });
  }
});
