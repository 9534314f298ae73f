/** Gradients of models that read pictures: of the text around a picture and its rows, and of the encoder by itself. */
import assert from 'node:assert/strict';
import { pixelGradients } from '../../../compute-server/model/gradient/image-gradients';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { encodePicture, patchRows } from '../../../compute-server/model/checkpoint/vision-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { sequencePart } from '../../../diagnostics/model-runner/sequence';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { buildConnector, buildPatches } from '../../../models/architectures/patch-graphs';
import { evaluate } from '../../support/graph-arithmetic/evaluate';
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

  for (const tiny of [
    tinyLlava(),
    tinyLlava({ name: 'llava, two layers side by side', layer: [-3, -2] }),
    tinyPaligemma(1),
  ]) {
    it(`${tiny.name}: pixels of the picture, through encoder, connector and text`, async () => {
      const { model } = await vlms.open(tiny);
      const vision = model.vision!;
      const tensors = tinyTensors(tiny);
      const { size, channels } = vision.tower.patches;
      const pixels = normalTensor([1, channels, size, size], 2);
      const tile = { tiles: [Float32Array.from(pixels.data)] };
      const features = (await encodePicture(vision, tile, 4e9)).tiles[0]!;
      const width = model.spec.hiddenSize;
      const rows = Array.from({ length: features.length / width }, (_, row) => 2 + row);
      const ids = [3, 17, ...rows.map(() => tiny.imageToken), 9, 22];
      const text: GradientRequest = {
        ids,
        embeddings: { rows, data: features },
        ...(model.multimodal?.bidirectionalPrompt ? { prefix: ids.length } : {}),
        objective: { kind: 'logits', terms: [{ row: ids.length - 1, token: 7, weight: 1 }] },
        embedding: true,
      };
      const { embedding } = await runGradients(model, { ...text, chunk: ids.length });
      const ofFeatures = embedding!.slice(2 * width, (2 + rows.length) * width);
      const found = await pixelGradients(vision, model.weights, tile.tiles[0]!, ofFeatures, 4e9);

      const { stack } = vision.tower;
      const cells = vision.tower.patches.rows * vision.tower.patches.columns + vision.tower.patches.leading.length;
      const from = { ids: Array.from({ length: cells }, (_, row) => row), objective: text.objective };
      const encoder64 = new Float64Model(stack, model.weights, tensors, from);
      const text64 = new Float64Model(model.spec, model.weights, tensors, text);
      const weights = (label: string): Tensor => encoder64.weight(label);
      const patches = buildPatches(vision.tower, model.weights);
      const connector = buildConnector(vision.tower, vision.connector!, model.weights);
      const objective = (of: Tensor): number => {
        const streams = encoder64.streams({
          embedding: evaluate(patches, { pixels: of }, weights).get('residual.out')!.data,
        });
        const states = vision.connector!.states.map((state, at) => [`state.${at}`, streams[state]!] as const);
        const made = evaluate(connector, Object.fromEntries(states), weights).get('features')!.data;
        const moved = new Float64Array(ids.length * width);
        made.forEach((value, at) => (moved[2 * width + at] = value - features[at]!));
        return text64.objective({ embedding: moved });
      };
      const direction = normalTensor(pixels.shape, 8).data;
      const slope = (step: number): number => {
        const at = (by: number) =>
          objective(
            tensor(
              pixels.shape,
              pixels.data.map((x, i) => x + by * direction[i]!),
            ),
          );
        return (at(step) - at(-step)) / (2 * step);
      };
      const expected = slope(1e-5);
      const dot = found.reduce((sum, x, i) => sum + x * direction[i]!, 0);
      const scale = Math.hypot(...found);
      assert.ok(scale > 1e-6 && Math.abs(dot - expected) <= 1e-3 * scale, `${dot} is not ${expected}`);
    });
  }
});
