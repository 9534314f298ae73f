import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { layerDivergence } from '../../../diagnostics/shared/divergence/divergence';
import { DivergenceRun, divergenceStep } from '../../../diagnostics/shared/divergence/divergence-run';
import { type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { startReinforced, type ReinforcementSetup } from '../../../compute-server/model/generation/reinforcement';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { SinkCollector } from '../../../diagnostics/shared/divergence/span-sinks';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import {
  normalisedPicture,
  tinyIdefics3,
  tinyLlava,
  tinyPaligemma,
  tinyPixels,
  type TinyVlm,
} from '../../support/checkpoints/tiny-vision';
import type { ReferenceRun } from '../../support/reference/vectors';
import { headsOf, runnerOf } from '../../support/model-jobs';

const measure = { distance: 'l2', outliers: 'paper', k: 1 } as const;
const setup: ReinforcementSetup = {
  alpha: 2,
  layers: [0, 1],
  distance: 'l2',
  outliers: 'paper',
  heads: 'selected',
  normMatched: false,
  executor: 'in-graph',
  seed: 0,
};
const [front, behind] = [
  [3, 17, 5],
  [9, 22, 41, 8],
];

describe('divergence of heads with and without an image', () => {
  let vlms: TinyVlms;
  before(() => {
    vlms = new TinyVlms();
  });
  after(() => vlms.close());

  const open = (tiny: TinyVlm) => vlms.open(tiny);
  const pairOf = async (model: LoadedModel, tiny: TinyVlm, width: number, height: number) => {
    const image = vlms.picture(width, height);
    const ids = [...front, tiny.imageToken, ...behind];
    const sequence = await sequenceOf(model, { kind: 'ids', ids, image }, { memoryLimit: 4e9 });
    return spanPair(sequence, { kind: 'image' }, 'contiguous');
  };

  for (const tiny of [tinyLlava(), tinyPaligemma(1)]) {
    it(`${tiny.name}: is the distance between two float64 passes, the image's rows left out`, async () => {
      const { model, parameters } = await open(tiny);
      const pair = await pairOf(model, tiny, 12, 12);
      const run = await DivergenceRun.start(runnerOf(model), { pair, chunk: 6, measure, further: 0 });
      const features = tiny.features(parameters, normalisedPicture(tinyPixels(12, 12), tiny.processor));
      const wholeIds = [...front, ...features.map(() => tiny.imageToken), ...behind];
      const rows = new Map(features.map((row, at) => [front.length + at, row]));
      const shortIds = [...front, ...behind];
      assert.deepEqual(pair.whole.ids, wholeIds);
      assert.deepEqual(pair.without.ids, shortIds);
      const outputs = (reference: ReferenceRun, length: number, layer: number, heads: number): Float32Array => {
        const all = reference.taps.get(`layer.${layer}.attention.head_output`) ?? assert.fail();
        const width = all.length / heads / length;
        return Float32Array.from(
          Array.from({ length: heads }, (_, head) => {
            const at = (head * length + length - 1) * width;
            return all.slice(at, at + width);
          }).flat(),
        );
      };
      const passes = [tiny.read(parameters, wholeIds, rows), tiny.read(parameters, shortIds, new Map())] as const;
      for (const { index, attention } of model.spec.blocks) {
        const expected = layerDivergence(
          {
            with: outputs(passes[0], wholeIds.length, index, attention!.heads),
            without: outputs(passes[1], shortIds.length, index, attention!.heads),
            heads: attention!.heads,
          },
          'l2',
          'paper',
        );
        run.first.vhd[index]?.forEach((value, head) =>
          assert.ok(Math.abs(value - (expected.vhd[head] ?? NaN)) < 1e-4, `layer ${index} head ${head}: ${value}`),
        );
        assert.deepEqual(run.first.selected[index], expected.selected);
        const p = passes[0].taps.get(`layer.${index}.attention.probabilities`) ?? assert.fail();
        run.first.visualAttention[index]?.forEach((mass, head) => {
          const row = (head * wholeIds.length + wholeIds.length - 1) * wholeIds.length + front.length;
          const read = p.slice(row, row + features.length).reduce((sum, value) => sum + value, 0);
          assert.ok(Math.abs(mass - read) < 1e-4);
        });
      }
    });
  }

  for (const tiny of [tinyLlava(), tinyLlava({ next: true }), tinyPaligemma(2), tinyIdefics3()]) {
    it(`${tiny.name}: tiles and separators go together, and reinforcement in the graph is that by a run per layer`, async () => {
      const { model } = await open(tiny);
      const pair = await pairOf(model, tiny, 30, 17);
      assert.ok(!pair.without.ids.includes(tiny.imageToken));
      assert.equal(pair.without.ids.length, front.length + behind.length);
      assert.equal(pair.without.embeddings, undefined);
      const start = (executor: ReinforcementSetup['executor'], chunk: number) =>
        startReinforced(model.spec, model.sessions, { pair, setup: { ...setup, executor }, chunk });
      const [graph, chunked, progressive] = [
        await start('in-graph', 256),
        await start('in-graph', 5),
        await start('progressive', 256),
      ];
      assert.deepEqual(graph.selected, progressive.selected);
      assert.deepEqual(chunked.selected, progressive.selected);
      assert.ok(graph.selected.flat().some(Boolean));
      for (const run of [graph, chunked]) {
        run.run.logits.forEach((value, at) =>
          assert.ok(Math.abs(value - (progressive.run.logits[at] ?? NaN)) <= 1e-4, `${value} at ${at}`),
        );
      }
    });
  }

  for (const tiny of [tinyLlava(), tinyLlava({ next: true }), tinyPaligemma(1), tinyPaligemma(2)]) {
    it(`${tiny.name}: is 0 where no query can read the image and positions stay`, async () => {
      const { model } = await open(tiny);
      const image = vlms.picture(30, 17);
      const ids = [...front, tiny.imageToken, ...behind];
      const sequence = await sequenceOf(model, { kind: 'ids', ids, image }, { memoryLimit: 4e9 });
      const bidirectional = tiny.name.startsWith('paligemma');
      assert.equal(sequence.prefix, bidirectional ? sequence.ids.length : undefined);
      const { whole, without } = spanPair(sequence, { kind: 'image' }, 'original');
      assert.equal(without.prefix, bidirectional ? without.ids.length : undefined);
      const scoreBiases = model.spec.blocks.flatMap(({ index, attention }) =>
        Array.from({ length: attention!.heads }, (_, head) => ({
          kind: 'bias' as const,
          layer: index,
          head,
          group: 'removed',
          value: -1e9,
        })),
      );
      const common = { chunk: 64, observe: true };
      const start = (request: typeof whole, variant: Variant = []) =>
        SequenceRun.start(model.spec, model.sessions, { ...request, ...common, variant });
      const unread = (await start(whole, [...scoreBiases])).observation ?? assert.fail();
      const read = (await start(whole)).observation ?? assert.fail();
      const text = (await start(without)).observation ?? assert.fail();
      const largest = Math.max(...divergenceStep(headsOf(model), 0, unread, text, measure).vhd.flat());
      assert.ok(largest <= 1e-6, String(largest));
      assert.ok(
        divergenceStep(headsOf(model), 0, read, text, measure)
          .vhd.flat()
          .every((value) => value > 1e-3),
      );
    });
  }

  it('image tokens planted as sinks are marked, exactly those, in the dimension of the first token', () => {
    const width = 900;
    const layers = 5;
    const rows = Array.from({ length: 6 }, (_, at) => at + 2);
    const collector = new SinkCollector({ rows, first: 0, layers, width });
    for (let layer = 1; layer < layers; layer++) {
      const data = new Float32Array(10 * width).map((_, i) => Math.sin(i * 12.9898 + layer));
      const plant = (row: number, d: number): number => (data[row * width + d] = 100);
      plant(0, 77);
      plant(4, 77);
      plant(7, 77);
      // Massive elsewhere: no sink; massive only in the second layer's input: too early.
      plant(3, 5);
      if (layer === 1) plant(5, 77);
      // Two chunks.
      const chunks = [data.slice(0, 3 * width), data.slice(3 * width)];
      collector.add({ layer, chunks, chunk: 3, batch: 1, width });
    }
    const { dimensions, tokens, notApplicable } = collector.sinks();
    assert.equal(notApplicable, undefined);
    assert.deepEqual(dimensions, [77]);
    assert.deepEqual(
      tokens.map(({ token, layers: at }) => [token, at]),
      [
        [2, [2, 3, 4]],
        [5, [2, 3, 4]],
      ],
    );
    assert.ok(tokens.every(({ phi }) => phi > 20 && phi <= Math.sqrt(width)));
  });
});
