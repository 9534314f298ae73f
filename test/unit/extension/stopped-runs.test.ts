/** The files of what stopped runs had found. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoppedRuns } from '../../../extension/panels/workbench/stopped-runs';
import type { KeptTab } from '../../../protocol/panels/workbench-tabs';
import { plan, result } from '../../browser/workbench/workbench-host';

const tab: KeptTab = { id: 't1', setup: plan, title: '', model: '', created: '2026-12-01T06:45:53.123Z' };
const known = { finding: result.finding, sections: result.sections, steps: 3 };

describe('what a stopped run had found', () => {
  const root = mkdtempSync(join(tmpdir(), 'headscope-stopped-'));
  const folder = join(root, 'stopped-runs');
  after(() => rmSync(root, { recursive: true }));

  it('is read as it was, by its own tab alone, until it is dropped', async () => {
    const runs = new StoppedRuns(folder);
    await runs.keep(tab, { ...known, finding: 'Earlier.' });
    await runs.keep(tab, known);
    assert.ok(known.sections.length > 0);
    assert.deepEqual(await new StoppedRuns(folder).read(tab), known);
    assert.equal(await runs.read({ ...tab, created: '2026-12-02T06:45:53.123Z' }), undefined, 'the id was used again');
    await runs.drop(tab);
    assert.deepEqual([await runs.read(tab), readdirSync(folder)], [undefined, []]);
  });

  it('is nothing where the file is damaged, and a file that is none of ours stays', async () => {
    const runs = new StoppedRuns(folder);
    await runs.keep(tab, known);
    const [name = ''] = readdirSync(folder);
    for (const content of ['', '{"kind":"headscope-stopped"}', '[]', 'notes of a person']) {
      writeFileSync(join(folder, name), content);
      assert.equal(await runs.read(tab), undefined, content);
    }
    await runs.drop(tab);
    assert.equal(readFileSync(join(folder, name), 'utf8'), 'notes of a person');
  });
});
