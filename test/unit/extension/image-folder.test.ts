/** What lies beside a picture, or in a folder of pictures, and saved results of pictures as files of earlier versions hold them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { besidePicture } from '../../../extension/panels/image-folder';
import { resultKinds } from '../../../extension/results/result-kinds';
import { earlierKinds } from '../../../protocol/results/earlier/earlier';
import { picture, plain, result, set } from '../../browser/workbench/planted-result';

describe('saved results of pictures', () => {
  const whyOf = (saved: object) => (change: object) => {
    const parsed = earlierKinds.hallucination(JSON.stringify({ ...saved, ...change }));
    return parsed.ok ? 'ok' : parsed.why;
  };

  it('name the place of what is wrong', () => {
    const why = whyOf(result);
    assert.equal(why({}), 'ok');
    assert.match(why({ vhd: [[1]] }), /^vhd is not a list of 6 layers/);
    assert.match(why({ distance: 'manhattan' }), /^distance is not one of l2/);
    assert.match(why({ caption: { ...plain, tokens: [{ text: 1 }] } }), /^caption\.tokens\[0\]/);
    assert.match(why({ image: { ...picture.image, tiles: [] } }), /^image\.tiles/);
    assert.match(why({ version: 2 }), /update Headscope/);
    assert.match(why({ kind: 'headscope-heads' }), /kind is not/);
    assert.equal(earlierKinds.hallucination('').ok, false);
  });

  it('name what is wrong with a change, a sample or a rendered prompt', () => {
    const why = whyOf(set);
    assert.equal(why({}), 'ok');
    const [first] = set.variants;
    assert.match(
      why({ variants: [{ ...first, change: { pictures: 1, onlyPlain: 0, onlyReinforced: 0, chairS: 3 } }] }),
      /^variants\[0\]\.change\.chairS/,
    );
    assert.match(why({ variants: [{ ...first, change: null }] }), /^variants\[0\]\.change/);
    assert.match(why({ sample: { count: 2 } }), /^sample\.seed/);
    assert.match(why({ chatPrompt: 'USER' }), /^chatPrompt/);
  });

  it('are listed, named and saved again as results of the analysis that took their place', () => {
    const { parse, fileName, listing, suffix } = resultKinds.hallucination;
    assert.equal(suffix, '.headscope-hallucination.json');
    const read = parse(JSON.stringify(result));
    assert.ok(read.ok, read.ok ? '' : read.why);
    assert.match(fileName(read.result), /^\d{4}-\d\d-\d\d-\d{6}-.*planted-vlm.*\.headscope-analysis\.json$/);
    assert.match(listing(read.result).description, /planted-vlm/);
    assert.deepEqual(resultKinds.analysis.parse(resultKinds.hallucination.text(read.result)), read);
  });
});

describe('a folder of pictures', () => {
  const inFolder = async (files: Readonly<Record<string, string>>, act: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-pictures-'));
    try {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
      await act(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('says what is wrong with a truth, and how to write one', async () => {
    const note = (truth: string) =>
      new Promise<string>((resolve) => {
        void inFolder({ 'a.png': '', 'truth.json': truth }, async (folder) =>
          resolve((await besidePicture(folder, 'folder')).note ?? ''),
        );
      });
    assert.match(
      await note('{"a.png": "dog"}'),
      /Its truth\.json cannot be read\. In the file, a\.png is not a list of texts\. Write \{/,
    );
    assert.match(await note('{'), /not valid JSON/);
  });

  it('gives a picture the objects of its truth, and the lexicon beside it', async () => {
    const truth = '{"a.png": {"objects": ["dog"], "captions": ["a cat"]}, "b.webp": ["dog"]}';
    await inFolder({ 'a.png': '', 'b.webp': '', 'truth.json': truth, 'lexicon.json': '{}' }, async (folder) => {
      const path = (name: string): string => join(folder, name);
      assert.deepEqual(await besidePicture(path('a.png'), 'picture'), {
        objects: ['dog'],
        truth: path('truth.json'),
        lexicon: path('lexicon.json'),
      });
      assert.deepEqual(
        await besidePicture(path('c.png'), 'picture'),
        { lexicon: path('lexicon.json') },
        'a truth that does not name it says nothing of it',
      );
      assert.equal((await besidePicture(folder, 'folder')).pictures, 1, 'a format that is not decoded is none');
    });
  });

  it('says how many pictures have a truth, and what is left out', async () => {
    const files = { 'scene-10.png': '', 'scene-2.png': '', 'other.jpg': '', 'lexicon.txt': 'a' };
    const truth = '{"scene-10.png": ["a"], "scene-2.png": ["b"], "gone.png": ["c"]}';
    await inFolder({ ...files, 'truth.json': truth }, async (folder) => {
      assert.deepEqual(await besidePicture(folder, 'folder'), {
        truth: join(folder, 'truth.json'),
        lexicon: join(folder, 'lexicon.txt'),
        pictures: 2,
        note: '1 more have none and are left out.',
      });
    });
  });

  it('says why it has none', async () => {
    await inFolder({ 'a.png': '' }, async (folder) => {
      assert.match((await besidePicture(folder, 'folder')).note ?? '', /no truth\.json/);
      assert.match((await besidePicture(join(folder, 'gone'), 'folder')).note ?? '', /cannot be read/);
    });
  });
});
