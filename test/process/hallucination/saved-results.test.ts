/** What the command line writes is what the workbench opens, and a picture is scored as its folder is. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoVisionPrompt } from '../../../protocol/inputs/demo-prompt';
import { unclassified } from '../../../protocol/results/comparability';
import type { SetResult } from '../../../protocol/results/caption-set-result';
import type { DivergenceResult } from '../../../protocol/results/divergence-result';
import { earlierKinds } from '../../../protocol/results/earlier/earlier';
import { savedHallucination } from '../../../protocol/results/hallucination-schema';
import { check } from '../../../protocol/schema/check';
import { vhdOn } from '../../support/vhd-call';
import { buildServer, Place } from '../model/support/model-server';

const examples = join(__dirname, '..', '..', '..', 'examples');
const scenes = join(examples, 'pictures', 'scenes');
const folder = join(examples, 'models', 'demo-vlm');
const text = demoVisionPrompt;
const reinforcement = {
  alpha: 2,
  outliers: 'paper',
  heads: 'selected',
  normMatched: false,
  executor: 'in-graph',
  seed: 0,
} as const;

describe('results of the command line', () => {
  let place: Place;
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
  });
  after(() => place.remove());

  const opened = <R>(file: string): R => {
    const read = earlierKinds.hallucination(readFileSync(file, 'utf8'));
    assert.ok(read.ok, read.ok ? '' : read.why);
    return read.result.result as R;
  };

  it('headscope vhd --json opens as a saved result, with the names that scripts read beside it', async () => {
    const file = place.at('scene.headscope-hallucination.json');
    const image = join(scenes, 'scene-010.png');
    const words = ['vhd', folder, '--image', image, '--prompt', text, '--lexicon', join(scenes, 'lexicon.txt')];
    const { code, stderr } = await place.headscope([...words, '--truth', 'boat,dragon', '--json', file]);
    assert.equal(code, 0, stderr);
    const saved = opened<DivergenceResult>(file);
    assert.match(saved.caption.text, /Boat/);
    assert.deepEqual(saved.truthLabels, { total: 2, unknown: 1, names: ['dragon'] });
    const fields = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const { text: said, tokens, mentions, score } = saved.caption;
    assert.deepEqual(
      { text: fields['text'], tokens: fields['tokens'], mentions: fields['mentions'], score: fields['score'] },
      { text: said, tokens, mentions, score },
    );
  });

  it('a saved file is asked where its heads look, and for more: by a text, and by the token ids that were read', async () => {
    const client = place.client();
    const image = join(scenes, 'scene-010.png');
    for (const given of [
      ['--prompt', text],
      ['--ids', '0,542,33'],
    ]) {
      const file = place.at('asked.headscope-hallucination.json');
      const words = ['vhd', folder, '--image', image, ...given, '--steps', '3', '--map', '1.2', '--json', file];
      const { code, stderr } = await place.headscope(words);
      assert.equal(code, 0, stderr);
      const content = readFileSync(file, 'utf8');
      const { imageMap } = JSON.parse(content) as { imageMap: { shares: number[] } };
      const saved = earlierKinds.hallucination(content);
      assert.ok(saved.ok);
      const heads = { section: 'heads', place: { kind: 'head', layer: 1, head: 2 } } as const;
      const map = await client.call('askAnalysis', [saved.result, heads]);
      assert.ok(map.kind === 'image');
      assert.deepEqual(map.numbers[0]?.values, imageMap.shares);
      const variant = { kind: 'variant', reinforcement } as const;
      const more = await client.call('extendAnalysis', [saved.result, { section: 'caption', place: variant }]);
      const { variants, caption } = more.result as DivergenceResult;
      assert.equal(variants?.length, 1);
      assert.deepEqual(caption, (saved.result.result as DivergenceResult).caption);
      assert.ok(more.sections.some(({ id }) => id === 'reinforced-caption'));
    }
  });

  it('a picture is scored as its folder is: captions by people, names of a published lexicon', async () => {
    const pictures = place.at('folder');
    mkdirSync(pictures);
    copyFileSync(join(scenes, 'scene-000.png'), join(pictures, 'a.png'));
    const truth = join(pictures, 'truth.json');
    writeFileSync(truth, '[{"image": "a.png", "objects": ["castle"], "captions": ["a tree", "a flag"]}]');
    // "bottom right" is no name of the published table, so that a list in the published form never finds it.
    const lexicon = join(pictures, 'lexicon.txt');
    writeFileSync(lexicon, 'castle\ntree\nflag\nbird\ncorner, bottom right\n');
    const file = place.at('set.headscope-hallucination.json');
    const words = ['captions', folder, '--images', pictures, '--truth', truth, '--lexicon', lexicon];
    const { code, stderr } = await place.headscope([...words, '--prompt', text, '--json', file]);
    assert.equal(code, 0, stderr);
    const { plain, entries } = opened<SetResult>(file);
    assert.deepEqual(entries[0]?.truth, ['castle', 'tree', 'flag']);
    // Castle, tree, flag, and the bird that is not in this truth.
    assert.deepEqual([plain.mentions, plain.chairI], [4, 1 / 4]);

    // The picture alone is judged by the same truth, and the result says what that was.
    const prompt = { kind: 'text', text, image: join(pictures, 'a.png') } as const;
    const one = await vhdOn(place.client(), { folder, prompt, parameters: { truth, lexicon } });
    assert.deepEqual([one.truth, one.references], [['castle'], ['a tree', 'a flag']]);
    assert.deepEqual(one.caption.score, entries[0]?.plain.score);
    assert.deepEqual(unclassified(one), []);
    assert.ok(check(savedHallucination, JSON.parse(JSON.stringify(one)), 'The file').ok);
    const broken = earlierKinds.hallucination(JSON.stringify({ ...one, references: 'a tree' }));
    assert.match(broken.ok ? '' : broken.why, /references.*a list of captions/);
  });
});
