/** Pictures and prompts that do not belong together: each answered with one sentence, a next step and its exit code. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { tinyModel, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { writeVisionTokenizer } from '../../support/checkpoints/tokenizers';
import {
  tinyIdefics3,
  tinyLlava,
  tinyPaligemma,
  tinyPixels,
  writePng,
  writeProcessor,
  type TinyVlm,
} from '../../support/checkpoints/tiny-vision';
import { pictureFile } from '../../support/pictures';
import { pngFile } from '../../support/png-file';
import { buildServer, Place } from './support/model-server';

interface Case {
  readonly name: string;
  readonly words: readonly string[];
  readonly sentence: RegExp;
  readonly code?: 2 | 3;
  readonly model?: 'llama';
  readonly tiny?: TinyVlm;
  readonly processor?: Readonly<Record<string, unknown>>;
  readonly joint?: Readonly<Record<string, unknown>>;
  readonly noProcessor?: true;
  readonly noTokenizer?: true;
  readonly picture?: (path: string) => void;
  readonly bare?: true;
  /** Notes on the model in front of the sentence; absent: none. */
  readonly notes?: number;
}

const prompt = (text: string): readonly string[] => ['--prompt', text];

const cases: readonly Case[] = [
  {
    name: 'no image token in the prompt',
    words: prompt('a b'),
    sentence:
      /The prompt has no image token, and the model has no chat template that would place one\. Write <image> where the picture belongs/,
  },
  {
    name: 'no image token among the token ids',
    words: ['--ids', '1,2,3'],
    sentence:
      /The prompt has no image token \(<image>\)\. Put its id 60 where the picture belongs, or give the prompt as text/,
  },
  {
    name: 'several image tokens',
    words: prompt('a <image>b<image>'),
    sentence:
      /The prompt has 2 image tokens, and an image takes the place of one \(it then has 9\)\. One image is read per prompt: keep one <image>/,
  },
  {
    name: 'an image token and no image',
    words: prompt('a <image>b'),
    bare: true,
    sentence: /has an image token and no image\. Give the image, or leave the token out/,
  },
  {
    name: 'a text-only model with an image',
    model: 'llama',
    words: ['--ids', '1,2,3'],
    sentence: /reads text only: its config has no vision part\. Leave the image out, or choose a vision-language model/,
  },
  {
    name: 'a model whose text part runs alone',
    // That pictures are not read, and which tensors of the tower are of another one.
    notes: 2,
    tiny: { ...tinyLlava(), config: { ...tinyLlava().config, vision_config: { model_type: 'swin', hidden_size: 8 } } },
    words: prompt('<image>a'),
    sentence:
      /Pictures are not read: Headscope does not run the vision encoder "swin" yet\. Leave the image out, or choose a model whose/,
  },
  {
    name: 'an image that breaks off',
    words: prompt('<image>a'),
    picture: (path) => {
      writePng(path, tinyPixels(40, 40));
      writeFileSync(path, readFileSync(path).subarray(0, 300));
    },
    sentence: /picture\.png is cut off: its file ends in the middle of the picture\. Copy it again\.$/m,
  },
  {
    name: 'an image that is none',
    words: prompt('<image>a'),
    picture: (path) => writeFileSync(path, 'a picture'),
    sentence: /is neither a PNG nor a JPEG file by its first bytes\. Convert it/,
  },
  {
    name: 'an image of huge dimensions',
    words: prompt('<image>a'),
    picture(path) {
      writeFileSync(path, pngFile({ width: 100_000, height: 90_000 }, Buffer.alloc(100)));
    },
    sentence: /has 100000 x 90000 pixels, and at most 64 million are decoded, 8 million along a side\. Scale it down/,
  },
  {
    name: 'an image far too long for its width',
    tiny: tinyPaligemma(),
    words: prompt('<image>a'),
    picture: (path) => writePng(path, { width: 1, height: 6_000_000, data: new Uint8Array(18_000_000) }),
    sentence: /picture\.png has 1 x 6000000 pixels, which is too long a strip to be resampled\. Crop it/,
  },
  {
    name: 'an image of another size than the encoder takes, which no crop makes fit',
    code: 3,
    words: prompt('<image>a'),
    processor: { do_center_crop: false },
    picture: (path) => writePng(path, tinyPixels(1, 100_000)),
    sentence: /makes 12 x 1200000 pixels of this image, and the vision config takes 12 x 12/,
  },
  {
    name: 'an image that is not there',
    words: ['--prompt', '<image>a', '--image', '/nowhere/at-all.png'],
    bare: true,
    sentence: /There is no image at \/nowhere\/at-all\.png\. Check the path/,
  },
  {
    name: 'no processor',
    code: 3,
    words: prompt('<image>a'),
    noProcessor: true,
    sentence: /There is no preprocessor_config\.json that says how a picture is prepared/,
  },
  {
    name: 'a processor of another size than the vision config',
    code: 3,
    words: prompt('<image>a'),
    processor: { size: { shortest_edge: 24 }, crop_size: { height: 24, width: 24 } },
    sentence:
      /makes pictures of 24 x 24 pixels, and the vision config takes 12 x 12\. Take both files from the same release/,
  },
  {
    name: 'a processor of another patch size',
    code: 3,
    words: prompt('<image>a'),
    joint: { patch_size: 7 },
    sentence: /processor_config\.json says patch_size 7, and the vision config 4/,
  },
  {
    name: 'a processor that keeps the class row where the config drops it',
    code: 3,
    words: prompt('<image>a'),
    joint: { vision_feature_select_strategy: 'full' },
    sentence: /says vision_feature_select_strategy "full", and the config "default"/,
  },
  {
    name: 'a processor that counts other additional tokens',
    code: 3,
    words: prompt('<image>a'),
    joint: { num_additional_image_tokens: 3 },
    sentence: /counts 3 additional image tokens, and the vision encoder has 1/,
  },
  {
    name: 'a processor that counts other tokens a tile',
    code: 3,
    tiny: tinyIdefics3(),
    words: prompt('<image>a'),
    joint: { image_seq_len: 5 },
    sentence: /counts 5 image tokens a tile, and the vision config makes 4/,
  },
  {
    name: 'other pinpoints in the processor',
    code: 3,
    tiny: tinyLlava({ next: true }),
    words: prompt('<image>a'),
    processor: { image_grid_pinpoints: [[12, 24]] },
    sentence: /image_grid_pinpoints of the image processor and of the config differ/,
  },
  {
    name: 'a strategy that keeps the class row before tiles',
    code: 3,
    tiny: tinyLlava({ next: true, strategy: 'full' }),
    words: prompt('<image>a'),
    sentence:
      /vision_feature_select_strategy is "full", and the vision encoder has 1 class row, which tiles cannot keep/,
  },
  {
    name: 'tiles whose separators no tokenizer can make',
    tiny: tinyIdefics3(),
    words: ['--ids', '1,60,2'],
    noTokenizer: true,
    sentence:
      /The tiles of the image are separated by the text .* which cannot be turned into tokens: The folder has no tokenizer\.json/,
  },
  {
    name: 'a prompt that the image makes too long',
    tiny: (() => {
      const tiny = tinyLlava();
      const text = { ...(tiny.config['text_config'] as object), max_position_embeddings: 8 };
      return { ...tiny, config: { ...tiny.config, text_config: text } };
    })(),
    words: prompt('<image>ab'),
    sentence: /has 11 tokens \(9 of the image\) and the model's context holds 8\. Shorten it by 3/,
  },
  {
    name: 'more images than one before a PaliGemma prompt',
    tiny: tinyPaligemma(),
    words: prompt('<image><image>a'),
    sentence: /The prompt has 2 image tokens/,
  },
];

describe('pictures that cannot be run', () => {
  let place: Place;
  before(() => buildServer());
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  for (const each of cases) {
    it(each.name, async function () {
      this.timeout(60_000);
      const folder = place.at('model');
      const tiny = each.tiny ?? tinyLlava();
      if (each.model) writeTinyModel(folder, tinyModel(each.model));
      else {
        writeTinyModel(folder, tiny);
        if (!each.noProcessor) {
          writeProcessor(folder, {
            processor: { ...tiny.processor, ...each.processor },
            joint: { ...tiny.joint, ...each.joint },
          });
        }
        if (!each.noTokenizer) writeVisionTokenizer(folder);
      }
      const image = place.at('picture.png');
      if (each.picture) each.picture(image);
      else writePng(image, tinyPixels(17, 12));
      const outcome = await place.headscope([
        'generate',
        folder,
        ...each.words,
        ...(each.bare ? [] : ['--image', image]),
        '--max-new-tokens',
        '1',
      ]);
      assert.match(outcome.stderr, each.sentence);
      assert.equal(outcome.stderr.trim().split('\n').length, 1 + (each.notes ?? 0), outcome.stderr);
      assert.equal(outcome.code, each.code ?? 2);
    });
  }

  it('generate, heads and map read a picture; a vision encoder shows its heads', async () => {
    const folder = place.at('model');
    const tiny = tinyLlava();
    writeTinyModel(folder, tiny);
    writeProcessor(folder, tiny);
    writeVisionTokenizer(folder);
    const image = writePng(place.at('picture.png'), tinyPixels(17, 12));
    const json = async (...words: readonly string[]): Promise<Record<string, unknown>> => {
      const outcome = await place.headscope([...words, '--image', image, '--json', '-']);
      assert.equal(outcome.code, 0, outcome.stderr);
      return JSON.parse(outcome.stdout) as Record<string, unknown>;
    };
    const made = await json('generate', folder, '--prompt', 'a <image>b', '--max-new-tokens', '2');
    const promptIds = [1, 3, ...Array<number>(9).fill(60), 2];
    assert.deepEqual(made['promptIds'], promptIds);
    const span = made['image'] as { start: number; end: number; tokens: number; width: number };
    assert.deepEqual([span.start, span.end, span.tokens, span.width], [2, 11, 9, 17]);

    const text = await json('heads', folder, '--prompt', 'a <image>b');
    assert.deepEqual([text['layers'], text['heads']], [2, 4]);
    assert.ok((text['groups'] as Record<string, unknown>)['image']);
    const encoder = await json('heads', folder);
    assert.deepEqual([encoder['layers'], encoder['heads']], [3, 3]);
    assert.deepEqual((encoder['tokens'] as string[]).slice(0, 3), ['[class]', '[0, 0]', '[0, 1]']);

    const map = await json('map', folder, '--prompt', 'a <image>b', '--layer', '1', '--head', '2');
    const rows = map['probabilities'] as number[][];
    assert.deepEqual([rows.length, rows[0]?.length], [12, 12]);
    const jpeg = await place.headscope(['heads', folder, '--image', pictureFile('420.jpg'), '--no-classify']);
    assert.equal(jpeg.code, 0, jpeg.stderr);
    const own = await json('map', folder, '--encoder', '--layer', '2', '--head', '0', '--outputs');
    const patches = own['probabilities'] as number[][];
    assert.deepEqual([patches.length, (own['outputs'] as number[][])[0]?.length], [10, 8]);
    for (const row of patches) assert.ok(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
  });

  it('reads a strip that enlarged as a whole would not fit into memory', async () => {
    const folder = place.at('model');
    const tiny = tinyLlava();
    writeTinyModel(folder, tiny);
    writeProcessor(folder, tiny);
    writeVisionTokenizer(folder);
    const image = writePng(place.at('strip.png'), tinyPixels(1, 2_000_000));
    const words = ['generate', folder, '--image', image, '--prompt', 'a <image>b', '--max-new-tokens', '1'];
    const outcome = await place.headscope(words);
    assert.equal(outcome.code, 0, outcome.stderr);
  });

  it('wants an image where it is told to look at the encoder, and no prompt', async () => {
    const one = await place.headscope(['heads', place.at('model'), '--encoder']);
    assert.deepEqual([one.code, /Give one with --image/.test(one.stderr)], [2, true]);
    const two = await place.headscope(['heads', place.at('model'), '--encoder', '--image', 'x.png', '--prompt', 'a']);
    assert.deepEqual([two.code, /Leave the prompt out/.test(two.stderr)], [2, true]);
    const three = await place.headscope(['generate', place.at('model'), '--ids', '1', '--image', 'x', '--image', 'y']);
    assert.deepEqual([three.code, /One image is read per prompt, and 2 are given/.test(three.stderr)], [2, true]);
  });
});
