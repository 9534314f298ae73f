import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { parseSafetensorsHeader } from '../../../models/formats/safetensors/header';

const examples = join(__dirname, '..', '..', '..', 'examples');
const json = (...path: readonly string[]): unknown => JSON.parse(readFileSync(join(...path), 'utf8'));

interface Config {
  readonly image_token_index: number;
  readonly image_seq_length: number;
  readonly vocab_size: number;
  readonly text_config: Readonly<Record<string, number>>;
  readonly vision_config: Readonly<Record<string, number>>;
}

/** A demo model with its held-out pictures: their side in pixels, the most bytes of both, some large things with their companions. */
interface Demo {
  readonly model: string;
  readonly scenes: string;
  readonly side: number;
  readonly weightBytes: number;
  readonly pictureBytes: number;
  readonly pairs: Readonly<Record<string, string>>;
}

const demos: readonly Demo[] = [
  {
    model: 'demo-vlm',
    scenes: 'scenes',
    side: 112,
    weightBytes: 10e6,
    pictureBytes: 2e6,
    pairs: { table: 'chair', bed: 'lamp', boat: 'fish', tree: 'bird', house: 'flower', car: 'cone' },
  },
  {
    model: 'demo-clipart-vlm',
    scenes: 'scenes-clipart',
    side: 128,
    weightBytes: 6e6,
    pictureBytes: 3e6,
    pairs: { house: 'flower', tree: 'bird', boat: 'fish', dog: 'ball', cat: 'butterfly', horse: 'apple' },
  },
];

for (const demo of demos)
  describe(`${demo.model}, a demo vision-language model`, () => {
    const folder = join(examples, 'models', demo.model);
    const config = json(folder, 'config.json') as Config;
    const { text_config: text, vision_config: vision } = config;

    it('has the weights that its config promises, under the names of llava 1.5, in a small file', () => {
      const bytes = readFileSync(join(folder, 'model.safetensors'));
      const header = parseSafetensorsHeader(bytes, bytes.byteLength);
      assert.deepEqual(header.problems, []);
      assert.ok(bytes.byteLength <= demo.weightBytes, `${bytes.byteLength} bytes`);
      const shapes = new Map(header.tensors.map(({ name, shape }) => [name, shape]));
      const tower = 'vision_tower.vision_model';
      assert.deepEqual(shapes.get(`${tower}.embeddings.patch_embedding.weight`), [
        vision['hidden_size'],
        3,
        vision['patch_size'],
        vision['patch_size'],
      ]);
      assert.deepEqual(shapes.get(`${tower}.embeddings.position_embedding.weight`), [
        config.image_seq_length + 1,
        vision['hidden_size'],
      ]);
      assert.deepEqual(shapes.get('multi_modal_projector.linear_1.weight'), [
        text['hidden_size'],
        vision['hidden_size'],
      ]);
      assert.deepEqual(shapes.get('multi_modal_projector.linear_2.weight'), [text['hidden_size'], text['hidden_size']]);
      assert.deepEqual(shapes.get('language_model.lm_head.weight'), [config.vocab_size, text['hidden_size']]);
      const layers = (prefix: string): number =>
        new Set(
          [...shapes.keys()]
            .filter((name) => name.startsWith(prefix))
            .map((name) => name.slice(prefix.length).split('.')[0]),
        ).size;
      assert.equal(layers(`${tower}.encoder.layers.`), vision['num_hidden_layers']);
      assert.equal(layers('language_model.model.layers.'), text['num_hidden_layers']);
      const expected = 7 + 16 * (vision['num_hidden_layers'] ?? 0) + 4 + 3 + 9 * (text['num_hidden_layers'] ?? 0);
      assert.equal(shapes.size, expected);
      assert.ok((text['num_attention_heads'] ?? 0) >= 8);
    });

    it('expands its image token to the grid that the encoder makes', () => {
      const processor = json(folder, 'preprocessor_config.json') as { crop_size: { height: number; width: number } };
      const across = (vision['image_size'] ?? 0) / (vision['patch_size'] ?? 1);
      assert.equal(config.image_seq_length, across * across);
      assert.deepEqual(processor.crop_size, { height: vision['image_size'], width: vision['image_size'] });
      const tokenizer = new Tokenizer(
        json(folder, 'tokenizer.json') as object,
        json(folder, 'tokenizer_config.json') as object,
      );
      const ids = tokenizer.encode('USER: <image>\nDescribe the image. ASSISTANT:').ids;
      assert.deepEqual(
        ids.filter((id) => id === config.image_token_index),
        [config.image_token_index],
      );
      assert.equal(ids[0], text['bos_token_id']);
    });
  });

for (const { scenes, side, pictureBytes, pairs } of demos)
  describe(`the held-out pictures in ${scenes}`, () => {
    const pictures = join(examples, 'pictures', scenes);
    const truth = json(pictures, 'truth.json') as Readonly<Record<string, readonly string[]>>;
    const captions = json(pictures, 'captions.json') as readonly { image: string; caption: string }[];
    const lexicon = readFileSync(join(pictures, 'lexicon.txt'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(', '));
    const files = readdirSync(pictures).filter((name) => name.endsWith('.png'));

    it('are at least 300 small pictures of the size that the model reads, each with its truth and a caption', () => {
      assert.ok(files.length >= 300);
      assert.deepEqual(files, Object.keys(truth));
      assert.deepEqual(
        files,
        captions.map(({ image }) => image),
      );
      let total = 0;
      for (const name of files) {
        const bytes = readFileSync(join(pictures, name));
        assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [side, side], name);
        total += statSync(join(pictures, name)).size;
      }
      assert.ok(total <= pictureBytes, `${total} bytes`);
    });

    it('hold only objects of the lexicon, and their captions name exactly these', () => {
      const words = new Map(lexicon.flatMap((line) => line.map((word) => [word, line[0] ?? ''] as const)));
      assert.equal(words.size, lexicon.flat().length, 'a word stands twice');
      for (const { image, caption } of captions) {
        const named = (caption.toLowerCase().match(/[a-z]+/g) ?? []).flatMap((word) => words.get(word) ?? []);
        assert.deepEqual(named.sort(), [...(truth[image] ?? [])].sort(), image);
      }
    });

    it('lack the companion of about half of the large things, which training scenes have nine times in ten', () => {
      const both = Object.values(truth).flatMap((objects) =>
        Object.entries(pairs)
          .filter(([large]) => objects.includes(large))
          .map(([, small]) => objects.includes(small)),
      );
      const share = both.filter(Boolean).length / both.length;
      assert.ok(both.length > 300 && share > 0.42 && share < 0.6, `${share} of ${both.length}`);
    });
  });
