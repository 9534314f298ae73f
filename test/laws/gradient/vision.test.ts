/** Gradients of models that read pictures: of the text around a picture and its rows, and of the encoder by itself. */
import assert from 'node:assert/strict';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { patchRows, preparePicture } from '../../../compute-server/model/checkpoint/vision-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { sequencePart } from '../../../diagnostics/model-runner/sequence';
import { normalTensor, seedFor } from '../../../kernels/tensors/random';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import { tinyIdefics3, tinyLlava, tinyPaligemma } from '../../support/checkpoints/tiny-vision';
import { runnerOf } from '../../support/model-jobs';
import { Float64Model } from './float64-model';
import { Float64Picture, type PictureMoves } from './float64-picture';
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
        weights: stack.blocks.flatMap(({ attention }) => attention!.output.weight),
      };
      const vision = { spec: stack, sessions: model.vision!.sessions, weights: model.weights };
      const ofEncoder = await runGradients(vision, { ...encoder, chunk: rows.ids.length });
      const reference = new Float64Model(stack, model.weights, tensors, encoder);
      assertGradients(`${tiny.name}, encoder`, ofEncoder, reference, kinks, false);
    });
  }

  for (const [tiny, width, height] of [
    [tinyLlava({ name: 'llava, two layers side by side', layer: [-3, -2] }), 12, 12],
    [tinyLlava({ next: true }), 20, 14],
    [tinyPaligemma(1), 12, 12],
    [tinyIdefics3('idefics3'), 20, 14],
  ] as const) {
    it(`${tiny.name}: pixels of every tile and weights of patches, encoder, connector and text`, async () => {
      const { model } = await vlms.open(tiny);
      const vision = model.vision!;
      const prompt = { kind: 'ids', ids: [3, tiny.imageToken, 9, 22, 8], image: vlms.picture(width, height) } as const;
      const sequence = sequencePart(await sequenceOf(model, prompt, { memoryLimit: 4e9 }));
      const reference = new Float64Picture(model, tinyTensors(tiny));
      const weights = [
        ...reference.ends,
        ...vision.tower.stack.blocks.slice(0, 1).map(({ attention }) => attention!.output.weight),
        ...model.spec.blocks.slice(0, 1).map(({ attention }) => attention!.output.weight),
      ];
      const request: GradientRequest = {
        ...sequence,
        objective: { kind: 'logits', terms: [{ row: sequence.ids.length - 1, token: 7, weight: 1 }] },
        pixels: true,
        weights,
      };
      const found = await runnerOf(model).gradients(request);
      assert.equal(found.embedding, undefined);
      assert.deepEqual([...found.weights.keys()].sort(), [...new Set(weights)].sort());
      const picture = await preparePicture(model.folder, vision, prompt.image);
      const { tiles } = picture.processed;
      assert.equal(found.pixels?.length, tiles.length);
      assert.equal(tiles.length > 1, vision.layout.kind !== 'single');
      const plain = reference.objective(request, picture);
      assert.ok(Math.abs(found.objective - plain) < 1e-4 * Math.max(1, Math.abs(plain)));
      const check = (what: string, gradient: Float32Array, moved: (by: Float64Array) => PictureMoves): void => {
        const direction = normalTensor([gradient.length], seedFor(8, what)).data;
        const at = (step: number): number =>
          reference.objective(request, picture, moved(direction.map((x) => x * step)));
        const expected = (at(1e-5) - at(-1e-5)) / 2e-5;
        const dot = gradient.reduce((sum, x, i) => sum + x * direction[i]!, 0);
        const scale = Math.hypot(...gradient);
        assert.ok(scale > 1e-6 && Math.abs(dot - expected) <= 1e-3 * scale, `${what}: ${dot} is not ${expected}`);
      };
      found.pixels?.forEach((gradient, tile) =>
        check(`tile ${tile}`, gradient, (by) => ({ pixels: new Map([[tile, by]]) })),
      );
      for (const [name, { data }] of found.weights) check(name, data, (by) => ({ weights: new Map([[name, by]]) }));
    });
  }
});
