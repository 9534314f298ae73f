/** Regions of a picture, in models that read it in their prompt and in encoders alone: patches, before and after. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { regionAttention } from '../../../diagnostics/interventions/region-attention/analysis';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import { writeTinyModel, type TinyModel } from '../../support/checkpoints/tiny-models';
import {
  clipProcessor,
  squareProcessor,
  tinyLlava,
  tinyPaligemma,
  tinyPixels,
  tinyTower,
  writePng,
  writeProcessor,
} from '../../support/checkpoints/tiny-vision';
import { answerFor, resultFor } from './one-run';

interface Case {
  readonly name: string;
  readonly model: Pick<TinyModel, 'config' | 'shapes'>;
  readonly processor: object;
  /** The image token of a prompt with a picture; absent: the encoder alone. */
  readonly imageToken?: number;
}

function encoder(name: string, type: Parameters<typeof tinyTower>[0], architecture: string, processor: object): Case {
  const tower = tinyTower(type, 12);
  return {
    name,
    model: { config: { ...tower.config, architectures: [architecture] }, shapes: tower.shapes },
    processor,
  };
}

const language = (tiny: ReturnType<typeof tinyLlava>): Case => ({ ...tiny, model: tiny });

const cases: readonly Case[] = [
  language(tinyLlava()),
  language(tinyPaligemma(1)),
  encoder('vit', 'vit', 'ViTModel', squareProcessor('ViTImageProcessor', 12, 2)),
  encoder('clip', 'clip_vision_model', 'CLIPVisionModel', clipProcessor(12)),
  encoder('siglip', 'siglip_vision_model', 'SiglipVisionModel', squareProcessor('SiglipImageProcessor', 12)),
];

describe('region attention over a picture', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-regions-'));
  const opened: LoadedModel[] = [];
  after(async () => {
    for (const model of opened) {
      await model.sessions.release();
      await model.vision?.sessions.release();
    }
    rmSync(folder, { recursive: true });
  });

  for (const each of cases) {
    it(`${each.name}: the corners do not read each other, what they read adds up to 1, and one stands in the other's place`, async () => {
      const at = join(folder, each.name);
      writeTinyModel(at, each.model);
      writeProcessor(at, { processor: each.processor as never });
      const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      opened.push(model);
      const image = writePng(join(folder, 'square.png'), tinyPixels(12, 12));
      const { imageToken } = each;
      const input: AnalysisInput = {
        kind: 'prompt',
        prompt:
          imageToken === undefined ? { kind: 'image', image } : { kind: 'ids', ids: [3, imageToken, 9, 22, 8], image },
      };
      const parameters = { regions: '0x0/2x1-2', reposition: true };
      const result = await resultFor(model, regionAttention, { input, parameters });
      assert.deepEqual(result.sizes, [1, 2]);
      assert.deepEqual(result.imageRows.length, 9);
      const owned = result.owner.flatMap((owner, row) => (owner < 0 ? [] : [result.imageRows.indexOf(row)]));
      // Image tokens row by row, three a row.
      assert.deepEqual(owned, [0, 7, 8]);
      const { betweenBefore: before, betweenAfter: apart } = result;
      assert.deepEqual([apart[0]![1], apart[1]![0]], [0, 0]);
      // What comes first in a causal prompt reads nothing of what comes later.
      assert.ok(before[1]![0]! > 0.01);
      for (const row of [...result.readBefore, ...result.readAfter]) {
        assert.ok(Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 2e-6);
      }
      const { left, moved } = result.reference!;
      assert.ok(left.flat().every((value) => value === 0) && moved.flat().every((value) => value > 0));
      const shown = regionAttention.sections(result).find(({ id }) => id === 'read');
      assert.ok(shown?.kind === 'image' && shown.numbers.length === 6);
      assert.deepEqual(shown.outlined, [
        { name: 'A', tokens: [0] },
        { name: 'B', tokens: [7, 8] },
      ]);
      const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 0 } } as const;
      const asked = await answerFor(model, regionAttention, { input, parameters }, result, question);
      assert.ok(asked.kind === 'image' && asked.numbers[0]!.values.length === 9);
    });
  }
});
