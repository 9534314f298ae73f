/** The card of a model folder is read as text, where it lies in the folder itself. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cardOf, readModelCard } from '../../../extension/panels/model-card';

describe('the card of a model', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-card-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('leads to the heading that mentions reinforcement, before any other line', () => {
    const text = '---\nlicense: mit\n---\n# Model\nVHR was tried.\n## Does **reinforcing** these heads help?\nNo.';
    assert.deepEqual(cardOf('/m', text).reinforcement, { line: 5, heading: 'Does reinforcing these heads help?' });
    assert.deepEqual(cardOf('/m', '# Model\nCHAIR with VHR: 41 %').reinforcement, { line: 1 });
    assert.deepEqual(cardOf('/m', '# Model\nIt sees.'), { folder: '/m' });
    const long = cardOf('/m', `# ${'reinforced '.repeat(60)}`).reinforcement?.heading ?? '';
    assert.ok(long.length > 0 && long.length <= 120);
  });

  it('of the demo model says whether reinforcement helps', async () => {
    const demo = join(__dirname, '..', '..', '..', 'examples', 'models', 'demo-vlm');
    const card = await readModelCard(demo);
    const lines = readFileSync(join(demo, 'README.md'), 'utf8').split('\n');
    assert.equal(card?.reinforcement?.heading, 'Does reinforcing these heads help?');
    assert.match(lines[card.reinforcement.line] ?? '', /^## Does reinforcing these heads help\?/);
  });

  it('is none where the folder has no file of its own, or a huge one', async () => {
    assert.equal(await readModelCard(folder), undefined);
    const outside = join(folder, 'outside.md');
    writeFileSync(outside, 'VHR');
    const model = join(folder, 'model');
    mkdirSync(model);
    symlinkSync(outside, join(model, 'README.md'));
    assert.equal(await readModelCard(model), undefined, 'a link');
    rmSync(join(model, 'README.md'));
    mkdirSync(join(model, 'README.md'));
    assert.equal(await readModelCard(model), undefined, 'a folder');
    rmSync(join(model, 'README.md'), { recursive: true });
    writeFileSync(join(model, 'README.md'), 'VHR'.padEnd((1 << 20) + 1));
    assert.equal(await readModelCard(model), undefined, 'more than a megabyte');
    writeFileSync(join(model, 'README.md'), 'VHR');
    assert.deepEqual(await readModelCard(model), { folder: model, reinforcement: { line: 0 } });
  });
});
