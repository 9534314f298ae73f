import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadView } from '../../../compute-server/heads/head-view';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { parityOf } from '../../../compute-server/model/checkpoint/parity';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { visionArchitectures } from '../../../models/architectures/catalogue';
import type { LayerTap } from '../../../models/instrument/taps';
import type { StoredType } from '../../support/safetensors-file';
import { writeTinyModel, type TinyModel } from '../../support/checkpoints/tiny-models';
import {
  clipProcessor,
  normalisedPicture,
  squareProcessor,
  tinyIdefics3,
  tinyLlava,
  tinyPixels,
  tinyTower,
  towers,
  writePng,
  writeProcessor,
  type TinyTower,
  type TinyVlm,
} from '../../support/checkpoints/tiny-vision';
import { below, type Parameters } from '../../support/reference/vectors';
import { visionRun, type Picture } from '../../support/reference/vision';

const tolerance = 1e-4;
const run = { memoryLimit: 4e9 };
const taps: readonly LayerTap[] = [
  'attention.probabilities',
  'attention.head_output',
  'attention.output',
  'mlp_output',
  'residual',
];

interface Case {
  readonly name: string;
  readonly tower: TinyTower;
  readonly processor: ReturnType<typeof clipProcessor> | ReturnType<typeof squareProcessor>;
  /** Where the tower's tensors stand in the checkpoint. */
  readonly prefix?: string;
  readonly model: Pick<TinyModel, 'config' | 'shapes'>;
}

const alone = (name: string, tower: TinyTower, processor: Case['processor'], architecture: string): Case => ({
  name,
  tower,
  processor,
  model: { config: { ...tower.config, architectures: [architecture] }, shapes: tower.shapes },
});

const cropped = (image_processor_type: string, size: number) => ({ ...clipProcessor(size), image_processor_type });

/** A pair of encoders whose checkpoint holds the vision encoder alone. */
function pair(type: 'clip' | 'siglip'): Case {
  const tower = tinyTower(`${type}_vision_model`, 12);
  return {
    name: type,
    tower,
    processor: type === 'clip' ? clipProcessor(12) : squareProcessor('SiglipImageProcessor', 12),
    model: {
      config: {
        model_type: type,
        architectures: [type === 'clip' ? 'CLIPModel' : 'SiglipModel'],
        text_config: {
          model_type: `${type}_text_model`,
          hidden_size: 24,
          num_hidden_layers: 1,
          num_attention_heads: 3,
        },
        vision_config: tower.config,
      },
      shapes: tower.shapes,
    },
  };
}

const cases: readonly Case[] = [
  alone('clip_vision, an epsilon of its own', towers.clip, clipProcessor(12), 'CLIPVisionModel'),
  alone(
    'siglip_vision, sides that patches do not fill',
    towers.siglip,
    squareProcessor('SiglipImageProcessor', 14),
    'SiglipVisionModel',
  ),
  alone('vit', towers.vit, squareProcessor('ViTImageProcessor', 12, 2), 'ViTModel'),
  alone(
    'vit, no biases of queries, keys and values',
    towers.vitWithoutBiases,
    squareProcessor('ViTImageProcessor', 12, 2),
    'ViTModel',
  ),
  alone('deit', towers.deit, cropped('DeiTImageProcessor', 12), 'DeiTModel'),
  alone('dinov2', towers.dinov2, cropped('BitImageProcessor', 12), 'Dinov2Model'),
  alone('dinov2, smaller images', towers.dinov2Smaller, cropped('BitImageProcessor', 12), 'Dinov2Model'),
  alone('dinov2, larger images', towers.dinov2, cropped('BitImageProcessor', 28), 'Dinov2Model'),
  alone('dinov2, gated', towers.dinov2Gated, cropped('BitImageProcessor', 12), 'Dinov2Model'),
  pair('clip'),
  pair('siglip'),
  (() => {
    const { config, shapes } = tinyLlava();
    return {
      name: 'the encoder of llava',
      tower: tinyTower('clip_vision_model', 12),
      processor: clipProcessor(12),
      prefix: 'vision_tower.',
      model: { config, shapes },
    };
  })(),
];

describe('vision encoders equal their float64 pass', () => {
  let folder: string;
  const opened: LoadedModel[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-encoders-'));
  });
  after(async () => {
    for (const model of opened) {
      await model.sessions.release();
      await model.vision?.sessions.release();
    }
    rmSync(folder, { recursive: true });
  });

  const open = async ({ name, model: tiny, processor }: Case, type: StoredType = 'F32') => {
    const at = join(folder, `${name}-${type}`.replaceAll(/[^\w-]/g, '_'));
    const parameters = writeTinyModel(at, tiny, type);
    writeProcessor(at, { processor });
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    assert.ok(model.encoder);
    return { model, encoder: model.encoder, parameters };
  };
  const pictureOf = ({ processor }: Case): { image: string; picture: Picture } => {
    const size = 'crop_size' in processor ? processor.crop_size.height : processor.size.height;
    const pixels = tinyPixels(size, size);
    const image = writePng(join(folder, `square-${size}.png`), pixels);
    return { image, picture: normalisedPicture(pixels, processor) };
  };
  const check = async (each: Case, type: StoredType): Promise<void> => {
    const { model, encoder, parameters } = await open(each, type);
    const { image, picture } = pictureOf(each);
    const p: Parameters = each.prefix === undefined ? parameters : below(parameters, each.prefix);
    const reference = visionRun(each.tower.config, p, picture);
    const sequence = await sequenceOf(model, { kind: 'image', image }, run);
    const expect = (found: ArrayLike<number | bigint> | undefined, expected: readonly number[], what: string): void => {
      assert.equal(found?.length, expected.length, `${what} has another size`);
      expected.forEach((value, i) => {
        const error = Math.abs(Number(found?.[i]) - value);
        assert.ok(error <= tolerance, `${what} differs by ${error} at ${i}`);
      });
    };
    expect(sequence.embeddings?.data, (reference.states[0] ?? []).flat(), 'the rows that enter the first block');
    const extra = encoder.vision?.tower.patches.leading.length ?? 0;
    assert.deepEqual([sequence.image?.start, sequence.image?.end], [extra, sequence.ids.length]);
    const request = { ...sequence, chunk: 64, logits: 'none', keepLast: true } as const;
    const result = await runPrompt(encoder.spec, encoder.sessions, {
      ...request,
      taps: encoder.spec.blocks.flatMap(({ index }) => taps.map((tap) => ({ layer: index, tap }))),
    });
    for (const { index } of encoder.spec.blocks) {
      for (const tap of taps) {
        const name = `layer.${index}.${tap}`;
        expect(result.layers[index]?.taps[tap]?.data, reference.taps.get(name) ?? [], name);
      }
    }
    const plain = await runPrompt(encoder.spec, encoder.sessions, { ...request, plain: true });
    assert.ok(plain.last);
    assert.deepEqual(plain.last.chunks, result.last?.chunks);
  };

  it('has a tiny checkpoint for each family', () => {
    const covered = new Set(cases.map(({ tower }) => tower.config.model_type.replace('_model', '')));
    for (const { families } of visionArchitectures) {
      assert.ok(
        families.every((family) => covered.has(family)),
        `no tiny checkpoint for ${families.join(', ')}`,
      );
    }
  });

  for (const each of cases) {
    it(`${each.name}: rows, every tap, and the same bits as the plain graph`, () => check(each, 'F32'));
  }
  for (const type of ['F16', 'BF16'] as const) {
    for (const each of cases.filter(({ name }) => ['clip_vision', 'dinov2'].includes(name))) {
      it(`${each.name} stored as ${type}`, () => check(each, type));
    }
  }

  it('the parity check covers an encoder, and its map is that of the tap', async () => {
    const [each] = cases;
    assert.ok(each);
    const { model, encoder } = await open(each);
    const { image } = pictureOf(each);
    const sequence = await sequenceOf(model, { kind: 'image', image }, run);
    const parity = await parityOf(encoder, sequence);
    assert.deepEqual([parity.ok, parity.maxLogitError], [true, 0]);
    assert.equal(parity.layerErrors.length, 3);
    const whole = await runPrompt(encoder.spec, encoder.sessions, {
      ...sequence,
      chunk: 64,
      logits: 'none',
      maps: [{ layer: 1, head: 2 }],
    });
    const view = await HeadView.open(encoder, sequence, [], 1, 64);
    assert.deepEqual(await view.rows(2, 3, 4), whole.layers[1]?.maps.get(2)?.slice(30, 70));
  });

  it('each tile of a picture that is cut says which part of the picture it shows', async () => {
    const at = join(folder, 'tiles');
    const regions = async (tiny: TinyVlm, width: number, height: number, tiles: number) => {
      writeTinyModel(at, tiny);
      writeProcessor(at, tiny);
      const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      opened.push(model);
      const image = writePng(join(folder, `cut-${width}-${height}.png`), tinyPixels(width, height));
      const found: number[][] = [];
      for (let tile = 0; tile < tiles; tile++) {
        const { ids, image: span } = await sequenceOf(model, { kind: 'image', image, tile }, run);
        // As it is known before anything runs.
        const counted = await sequenceOf(model, { kind: 'image', image, tile });
        assert.deepEqual([counted.ids, counted.image], [ids, span]);
        found.push(span?.tiles.flatMap((each) => [each.x, each.y, each.width, each.height]) ?? []);
      }
      await assert.rejects(
        sequenceOf(model, { kind: 'image', image, tile: tiles }, run),
        /has \d+ tiles, from 0, and none/,
      );
      return found;
    };
    assert.deepEqual(await regions(tinyIdefics3(), 64, 32, 3), [
      [0, 0, 32, 32],
      [32, 0, 32, 32],
      [0, 0, 64, 32],
    ]);
    // 48 x 20 fills 24 x 10 of 24 x 12: a tile reaches two pixels into the padding above and below.
    assert.deepEqual(await regions(tinyLlava({ next: true }), 48, 20, 3), [
      [0, 0, 48, 20],
      [0, -2, 24, 24],
      [24, -2, 24, 24],
    ]);
  });

  it('an encoder alone refuses text, and names what it wants', async () => {
    const [each] = cases;
    assert.ok(each);
    const { model } = await open(each);
    await assert.rejects(sequenceOf(model, { kind: 'ids', ids: [1] }, run), /reads no text. Give the image alone/);
    assert.equal(model.summary.vision?.imageToken, undefined);
    assert.deepEqual([model.summary.layers, model.summary.heads, model.summary.causal], [3, 3, false]);
  });
});
