/** Where analyses lie. Their `group` is written into saved lists and JSON, so its values stay; two of them share a folder or have another name. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import type { AnalysisGroup } from '../../../protocol/analysis/analysis';

const room = resolve(__dirname, '../../../diagnostics');
const folderOf: Readonly<Record<AnalysisGroup, string>> = {
  patterns: 'patterns',
  retrieval: 'retrieval',
  circuits: 'circuits',
  facts: 'circuits',
  vision: 'vision',
  interventions: 'interventions',
  plans: 'plans',
  training: 'experiments',
};

describe('the catalogue of analyses', () => {
  const all = [...analyses, ...experiments];

  it('has each in the folder of its group, by its id', () => {
    for (const { id, group } of analyses) assert.ok(existsSync(join(room, folderOf[group], id, 'analysis.ts')), id);
    for (const { id, group } of experiments)
      assert.ok(existsSync(join(room, folderOf[group], id, 'experiment.ts')), id);
  });

  it('lists every folder of a group', () => {
    const listed = new Set(all.map(({ id, group }) => `${folderOf[group]}/${id}`));
    const found = [...new Set(Object.values(folderOf))].flatMap((folder) =>
      readdirSync(join(room, folder)).map((id) => `${folder}/${id}`),
    );
    assert.deepEqual(
      found.filter((path) => !listed.has(path)),
      [],
    );
  });

  it('keeps the groups that JSON and saved lists have', () => {
    const groupOf = (id: string): string | undefined => all.find((one) => one.id === id)?.group;
    assert.equal(groupOf('factual-recall'), 'facts');
    assert.equal(groupOf('ablation'), 'circuits');
    assert.deepEqual([...new Set(experiments.map(({ group }) => group))], ['training']);
  });
});
