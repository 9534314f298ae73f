/** What the command line writes is what the panel opens, and both score alike. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoSetup } from '../../../extension/panels/hallucination/default-setup';
import { besideImage, readImageFolder, readLexicon } from '../../../extension/panels/image-folder';
import { requestOf, setRequestOf } from '../../../extension/panels/hallucination/requests';
import { hallucinationText, parseHallucination } from '../../../extension/results/hallucination-file';
import { unclassified } from '../../../protocol/results/comparability';
import { buildServer, Place } from '../model/support/model-server';

const examples = join(__dirname, '..', '..', '..', 'examples');
const scenes = join(examples, 'pictures', 'scenes');
const demo = join(examples, 'models', 'demo-vlm');
const plan = demoSetup({ folder: demo, scenes, image: join(scenes, 'scene-010.png'), truth: null });

describe('results of the command line in the panel', () => {
  let place: Place;
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
  });
  after(() => place.remove());

  it('headscope vhd --json opens as a saved result, with the names that scripts read beside it', async () => {
    const file = place.at('scene.headscope-hallucination.json');
    const words = ['vhd', demo, '--image', plan.image, '--prompt', plan.prompt, '--lexicon', plan.lexicon];
    const { code, stderr } = await place.headscope([...words, '--truth', 'boat,dragon', '--json', file]);
    assert.equal(code, 0, stderr);
    const written = readFileSync(file, 'utf8');
    const parsed = parseHallucination(written);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
    const saved = parsed.result;
    assert.ok(saved.kind === 'headscope-hallucination');
    assert.deepEqual(saved.variants, []);
    assert.match(saved.caption.text, /Boat/);
    assert.deepEqual(saved.truthLabels, { total: 2, unknown: 1, names: ['dragon'] });
    const fields = JSON.parse(written) as Record<string, unknown>;
    const { text, tokens, mentions, score } = saved.caption;
    assert.deepEqual(
      { text: fields['text'], tokens: fields['tokens'], mentions: fields['mentions'], score: fields['score'] },
      { text, tokens, mentions, score },
    );
  });

  it('the panel scores a folder as headscope captions does: captions by people, names of a published lexicon', async () => {
    const folder = place.at('folder');
    mkdirSync(folder);
    copyFileSync(join(scenes, 'scene-000.png'), join(folder, 'a.png'));
    const truth = join(folder, 'truth.json');
    writeFileSync(truth, '[{"image": "a.png", "objects": ["castle"], "captions": ["a tree", "a flag"]}]');
    // "bottom right" is no name of the published table, so that a list in the published form never finds it.
    writeFileSync(join(folder, 'lexicon.txt'), 'castle\ntree\nflag\nbird\ncorner, bottom right\n');
    const found = await readImageFolder(folder);
    const own = { ...plan, images: folder, lexicon: found.lexicon ?? '', setCaptions: 'plain' } as const;
    const request = setRequestOf(own, found.images, await readLexicon(own.lexicon), []);
    const panel = await place.client().call('hallucinationSet', [request]);
    assert.deepEqual(unclassified(panel), []);
    const file = place.at('set.headscope-hallucination.json');
    const words = ['captions', demo, '--images', folder, '--truth', truth, '--lexicon', own.lexicon];
    const { code, stderr } = await place.headscope([...words, '--prompt', plan.prompt, '--json', file]);
    assert.equal(code, 0, stderr);
    const parsed = parseHallucination(readFileSync(file, 'utf8'));
    assert.ok(parsed.ok && parsed.result.kind === 'headscope-hallucination-set');
    assert.deepEqual(panel.plain, parsed.result.plain);
    assert.deepEqual(panel.entries[0]?.truth, ['castle', 'tree', 'flag']);
    // Castle, tree, flag, and the bird that is not in this truth.
    assert.deepEqual([panel.plain.mentions, panel.plain.chairI], [4, 1 / 4]);

    // The picture alone is judged by the same truth, and the result says what that was.
    const [image] = found.images;
    const alone = { ...own, mode: 'image', image: image!.path, truth: image!.truth } as const;
    const { references } = await besideImage(alone.image);
    const one = await place.client().call('hallucination', [requestOf(alone, request.lexicon, references)]);
    assert.deepEqual([one.truth, one.references], [['castle'], ['a tree', 'a flag']]);
    assert.deepEqual(one.caption.score, panel.entries[0]?.plain.score);
    assert.ok(parseHallucination(hallucinationText(one)).ok);
    const broken = parseHallucination(JSON.stringify({ ...one, references: 'a tree' }));
    assert.match(broken.ok ? '' : broken.why, /references.*a list of captions/);
  });
});
