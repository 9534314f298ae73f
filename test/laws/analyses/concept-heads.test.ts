import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { analysisJob } from '../../../compute-server/analyses/analysis-job';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { conceptHeads } from '../../../diagnostics/vision/concept-heads/analysis';
import { pictureParts } from '../../../diagnostics/vision/concept-heads/contributions';
import { ofLengthOne } from '../../../diagnostics/vision/concept-heads/measure';
import { patchMap } from '../../../diagnostics/vision/concept-heads/patch-map';
import type { ConceptHeadsResult } from '../../../diagnostics/vision/concept-heads/result';
import { weightsOf } from '../../../diagnostics/vision/concept-heads/run';
import {
  greenHead,
  greenText,
  otherText,
  plantedConcept,
  redHead,
  redText,
} from '../../support/checkpoints/planted-concept';
import { writeSafetensors } from '../../support/safetensors-file';
import { tinyPair, type PairType } from '../../support/checkpoints/tiny-pairs';
import { writeConfig, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { normalisedPicture, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { pictureEmbedding } from '../../support/reference/contrastive';
import { dot, type Parameters, type Vector } from '../../support/reference/vectors';
import { visionRun, type VisionRun } from '../../support/reference/vision';
import { surroundingsOf } from '../../support/model-jobs';

const tolerance = 1e-4;
const [width, heads, layers, d] = [24, 3, 3, 8] as const;

const sum = (of: Vector): number => of.reduce((total, value) => total + value, 0);

/** The weight that each row of the last stream has for each head of the pooling, and its deviation. */
function pooling(type: PairType, p: Parameters, { states, finished }: VisionRun) {
  const deviations = (states.at(-1) ?? []).map((row) => {
    const mean = sum(row) / width;
    return Math.sqrt(sum(row.map((value) => (value - mean) ** 2)) / width + 1e-5);
  });
  if (type === 'clip') return { deviations, weights: [finished.map((_, i) => (i === 0 ? 1 : 0))] };
  const root = 'vision_model.head';
  const [matrix, bias] = [p.matrix(`${root}.attention.in_proj_weight`), p.vector(`${root}.attention.in_proj_bias`)];
  const through = (row: Vector, at: number) => dot(matrix[at] ?? [], row) + (bias[at] ?? 0);
  const weights = Array.from({ length: heads }, (_, head) => {
    const dims = Array.from({ length: d }, (_, i) => head * d + i);
    const scores = finished.map(
      (row) => sum(dims.map((i) => through(p.vector(`${root}.probe`), i) * through(row, width + i))) / Math.sqrt(d),
    );
    const powers = scores.map((score) => Math.exp(score));
    return powers.map((power) => power / sum(powers));
  });
  return { deviations, weights };
}

/** What one head of one layer adds to the embedding, row by row and step by step. */
function writtenByHead(type: PairType, p: Parameters, run: VisionRun, layer: number, head: number): number[] {
  const { deviations, weights } = pooling(type, p, run);
  const outputs = run.taps.get(`layer.${layer}.attention.head_output`) ?? [];
  const map = p.matrix(`vision_model.encoder.layers.${layer}.self_attn.out_proj.weight`);
  const gain = p.vector('vision_model.post_layernorm.weight');
  const normed = run.finished.map((_, i) => {
    const start = (head * run.finished.length + i) * d;
    const own = outputs.slice(start, start + d);
    const written = map.map((row) => dot(row.slice(head * d, (head + 1) * d), own));
    const mean = sum(written) / width;
    return written.map((value, at) => ((value - mean) / (deviations[i] ?? 1)) * (gain[at] ?? 0));
  });
  const read = (of: Vector) =>
    Array.from({ length: width }, (_, at) => sum(of.map((w, i) => w * (normed[i]?.[at] ?? 0))));
  if (type === 'clip') return p.matrix('visual_projection.weight').map((row) => dot(row, read(weights[0] ?? [])));
  const values = p.matrix('vision_model.head.attention.in_proj_weight').slice(2 * width);
  const joined = weights.flatMap((own, of) => values.slice(of * d, (of + 1) * d).map((row) => dot(row, read(own))));
  return p.matrix('vision_model.head.attention.out_proj.weight').map((row) => dot(row, joined));
}

describe('heads by text', function () {
  this.timeout(60_000);
  let folder: string;
  const opened: LoadedModel[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-concepts-'));
  });
  after(async () => {
    for (const model of opened) {
      await model.sessions.release();
      await model.vision?.sessions.release();
    }
    rmSync(folder, { recursive: true });
  });
  const open = async (at: string): Promise<LoadedModel> => {
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return model;
  };

  for (const type of ['clip', 'siglip'] as const) {
    it(`${type}: the parts are those of a float64 pass, and sum to its embedding`, async () => {
      const pair = tinyPair(type);
      const at = join(folder, type);
      const parameters = writeTinyModel(at, pair);
      writeProcessor(at, pair);
      const model = await open(at);
      assert.ok(model.encoder);
      const runner = new ServerRunner(model, model.encoder, surroundingsOf(), new AbortController().signal);
      assert.ok(runner.joint);
      const pixels = tinyPixels(12, 12);
      const prompt = await runner.prompt({ kind: 'image', image: writePng(join(folder, `${type}.png`), pixels) });
      const run = visionRun(pair.tower.config, parameters, normalisedPicture(pixels, pair.processor));
      const { readout, outputs } = await weightsOf(runner, runner.joint);
      const parts = await pictureParts(runner, prompt, readout, outputs);

      const near = (found: ArrayLike<number>, expected: readonly number[], what: string): void => {
        assert.equal(found.length, expected.length, what);
        expected.forEach((value, i) => assert.ok(Math.abs((found[i] ?? NaN) - value) <= tolerance, `${what} at ${i}`));
      };
      near(parts.whole, pictureEmbedding(type, parameters, run, heads), 'the embedding');
      assert.ok(parts.error <= 1e-5, `the parts differ from their sum by ${parts.error}`);
      for (let layer = 0; layer < layers; layer++) {
        for (let head = 0; head < heads; head++) {
          const found = parts.heads[layer]?.subarray(head * readout.width, (head + 1) * readout.width) ?? [];
          near(found, writtenByHead(type, parameters, run, layer, head), `L${layer}H${head}`);
        }
      }

      const text = ofLengthOne(Array.from({ length: readout.width }, (_, i) => Math.sin(i + 1)));
      const along = (layer: number, head: number): number =>
        dot(
          Array.from(parts.heads[layer]?.subarray(head * readout.width, (head + 1) * readout.width) ?? []),
          Array.from(text),
        );
      const [all] = await patchMap(runner, prompt, readout, outputs, { firstLayer: 1 }, [text]);
      const late = [1, 2].flatMap((layer) => [0, 1, 2].map((head) => along(layer, head)));
      assert.ok(Math.abs(sum(Array.from(all ?? [])) - sum(late)) <= tolerance);
      const one = { firstLayer: 1, head: { layer: 2, head: 1 } };
      const [alone] = await patchMap(runner, prompt, readout, outputs, one, [text]);
      assert.ok(Math.abs(sum(Array.from(alone ?? [])) - along(2, 1)) <= tolerance);
    });
  }

  describe('of a planted checkpoint', () => {
    let model: LoadedModel;
    let pictures: string;
    /** Rows of 12 x 12 pixels: red and green in 0..255. */
    const flat = (red: number, green: number, right = red) => {
      const data = new Uint8Array(12 * 12 * 3);
      for (let at = 0; at < 144; at++) data.set([at % 12 < 6 ? red : right, green, 90], at * 3);
      return { width: 12, height: 12, data };
    };
    before(async () => {
      const { config, tensors, pair } = plantedConcept();
      const at = join(folder, 'planted');
      writeConfig(at, config);
      writeSafetensors(join(at, 'model.safetensors'), tensors);
      writeProcessor(at, pair);
      model = await open(at);
      pictures = join(folder, 'pictures');
      mkdirSync(pictures);
      const levels = [0, 80, 160, 240];
      for (const red of levels)
        for (const green of levels) writePng(join(pictures, `red-${red}-green-${green}.png`), flat(red, green));
      writePng(join(pictures, 'half.png'), flat(250, 60, 0));
      writeFileSync(join(folder, 'texts.txt'), [otherText, greenText, redText].join('\n'));
      const names = levels.flatMap((red) => levels.map((green) => [red, green] as const)).filter(([a, b]) => a !== b);
      const labels = names.map(([red, green]) => [`red-${red}-green-${green}.png`, red > green ? redText : greenText]);
      writeFileSync(join(folder, 'labels.json'), JSON.stringify(Object.fromEntries(labels)));
    });

    const run = async (parameters: Readonly<Record<string, string | number>>): Promise<ConceptHeadsResult> => {
      const job = analysisJob(
        { opened: model, analysis: conceptHeads, surroundings: surroundingsOf(), signal: new AbortController().signal },
        {
          analysis: conceptHeads.id,
          folder: model.folder,
          input: { kind: 'none' },
          parameters: { pictures, texts: join(folder, 'texts.txt'), layers: 3, ...parameters },
          interventions: [],
          seed: 1,
          keepIn: join(folder, 'kept'),
        },
      );
      shares.length = 0;
      for (;;) {
        const next = await job.next();
        if (next.done) return next.value.result as ConceptHeadsResult;
        if (next.value.kind === 'stage') shares.push(next.value.share);
      }
    };
    /** How far the last run was, each time it said so. */
    const shares: number[] = [];

    it('the head that writes a text is found from both sides, and the others write nothing', async () => {
      const result = await run({ labels: join(folder, 'labels.json') });
      // One pass over the texts, 17 pictures, 9 heads in 3 layers, the layers, and the result: that one is left at last.
      assert.equal(Math.max(...shares), (1 + 17 + 9 + 3) / (1 + 17 + 9 + 3 + 1));
      const firstText = ({ layer, head }: { layer: number; head: number }) =>
        result.heads.find((each) => each.layer === layer && each.head === head)?.texts[0];
      assert.equal(firstText(redHead)?.name, redText);
      assert.equal(firstText(greenHead)?.name, greenText);
      assert.ok((firstText(redHead)?.value ?? 0) > 0.99);
      for (const [text, { layer, head }] of [
        [redText, redHead],
        [greenText, greenHead],
      ] as const) {
        const concept = result.concepts.find((each) => each.text === text);
        const [writer] = concept?.heads ?? [];
        assert.deepEqual([writer?.layer, writer?.head], [layer, head]);
        assert.ok((writer?.share ?? 0) > 0.95, `${text}: ${writer?.share}`);
        assert.match(concept?.nearest.name ?? '', text === redText ? /^red-240|^half/ : /green-240/);
      }
      const last = result.along[2] ?? [];
      assert.ok((last[0] ?? 0) > 0.9 && (last[1] ?? 0) > 0.9 && Number.isNaN(last[2]), last.join());
      assert.ok(
        (result.above[2] ?? []).slice(0, 2).every((above) => above > 0.1),
        `${result.above[2]?.join()}`,
      );
      const written = result.direct.flat().filter((share) => Math.abs(share) > 0.01);
      assert.equal(written.length, 2);
      const parts = [...result.attention, ...result.mlps, result.embedding, result.bias];
      assert.ok(Math.abs(sum(parts) - 1) < 1e-5 && result.error < 1e-5);
      const none = result.concepts.at(-1);
      assert.deepEqual([none?.text, none?.heads, none?.top, none?.spread], [otherText, [], NaN, 0]);
      const most = result.heads.find(({ layer, head }) => layer === redHead.layer && head === redHead.head)?.most ?? [];
      assert.ok(
        most.every(({ name }) => /^red-240/.test(name)),
        most.map(({ name }) => name).join(),
      );
    });

    it('only the layer of these heads matters to the embedding', async () => {
      const { ablated } = await run({});
      const [none, two, three] = [ablated[0], ablated[2], ablated[3]];
      assert.deepEqual([none?.attentionKept, none?.attentionAgrees, ablated.length], [1, 1, 4]);
      assert.ok(Math.abs((two?.attentionKept ?? 0) - 1) < 1e-6);
      assert.ok((three?.attentionKept ?? 1) < 0.05 && (three?.attentionAgrees ?? 1) < 1);
      assert.ok(ablated.every(({ mlpKept, mlpAgrees }) => mlpKept > 1 - 1e-6 && mlpAgrees === 1));
    });

    it('pictures classified by text lose what the heads say that are removed', async () => {
      const { classified } = await run({ labels: join(folder, 'labels.json') });
      assert.ok(classified);
      const { accuracy, withoutChosen, lowestRandom, removed, tested, chance } = classified;
      assert.deepEqual([tested, chance], [6, 0.5]);
      assert.deepEqual(
        removed
          .slice(0, 2)
          .map(({ layer, head }) => `${layer}.${head}`)
          .sort(),
        ['2.0', '2.1'],
      );
      assert.equal(accuracy, 1);
      assert.equal(lowestRandom, 1);
      assert.ok(withoutChosen <= 0.7, `${withoutChosen}`);
    });

    it('the map of a text shows where it is', async () => {
      const { map } = await run({ shown: 'half.png', mapped: redText });
      const [text] = map?.texts ?? [];
      assert.equal(text?.text, redText);
      // 3 x 3 patches: the left column is red, the right one is not.
      const column = (at: number) => [0, 1, 2].map((row) => text?.values[3 * row + at] ?? NaN);
      assert.ok(Math.min(...column(0)) > 0 && Math.max(...column(2)) < 0, text?.values.join());
    });

    it('refuses what it cannot look at, in a sentence', async () => {
      const refusal = (parameters: Readonly<Record<string, string>>, sentence: RegExp) =>
        assert.rejects(run(parameters), (error: { failure: { detail: string } }) =>
          sentence.test(error.failure.detail),
        );
      await refusal({ pictures: '' }, /No folder of pictures is given/);
      await refusal({ pictures: model.folder }, /holds no PNG or JPEG files/);
      await refusal({ shown: 'none.png' }, /"none.png" is not among the 17 pictures/);
      await refusal({ texts: join(folder, 'none.txt') }, /cannot be read/);
    });
  });
});
