/** The key of a cell: of its content, and of nothing else. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cellKey, isKey, type Keyed } from '../../../../compute-server/sweeps/cell-key';
import { Stamps } from '../../../../compute-server/sweeps/stamps';

describe('the key of a cell', () => {
  it('goes by what runs, all settings, the content of files, and threads', () => {
    const cell: Keyed = { run: 'ablation', settings: { model: 'a', seed: 1 }, files: [['model', 'x']], threads: 0 };
    const key = cellKey(cell);
    assert.ok(isKey(key));
    assert.equal(cellKey({ ...cell, settings: { seed: 1, model: 'a' } }), key, 'whatever their order');
    const others: readonly Partial<Keyed>[] = [
      { run: 'attribution' },
      { settings: { model: 'a', seed: 2 } },
      { settings: { model: 'a', seed: '1' } },
      { files: [['model', 'y']] },
      { threads: 2 },
    ];
    assert.equal(new Set([key, ...others.map((other) => cellKey({ ...cell, ...other }))]).size, 6);
  });

  it('is the same when its sweep lies in the folder of its model, and is submitted and run there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sweep-key-'));
    try {
      writeFileSync(join(folder, 'config.json'), '{}');
      const before = await new Stamps(folder).of('.');
      writeFileSync(join(folder, 'heads.headscope-sweep.yaml'), 'run: ablation');
      mkdirSync(join(folder, 'heads.headscope-sweep/results'), { recursive: true });
      writeFileSync(join(folder, 'heads.headscope-sweep/results/a.json'), '{}');
      assert.equal(await new Stamps(folder).of('.'), before);
      writeFileSync(join(folder, 'config.json'), '{ }');
      assert.notEqual(await new Stamps(folder).of('.'), before);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
