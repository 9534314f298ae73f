/** The key of a cell: of its content, and of nothing else. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cellKey,
  isKey,
  shellSettingsOf,
  type Keyed,
  type ShellSettings,
} from '../../../../compute-server/sweeps/cell-key';
import { OpenedSweep } from '../../../../compute-server/sweeps/opened-sweep';
import { Stamps } from '../../../../compute-server/sweeps/stamps';
import { SweepFolder } from '../../../../compute-server/sweeps/sweep-folder';
import type { CellSettings, SweepFile } from '../../../../protocol/sweeps/sweep-file';

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

  it('goes by what the shell sets, where neither the cell nor the resources of the sweep set it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sweep-key-'));
    try {
      const program = {
        ...{ run: 'ablation', resumes: true, words: () => [], paths: () => [], fault: () => undefined },
        takes: (setting: string) => setting !== 'adapter' || !existsSync(join(folder, 'trains')),
      };
      const keyOf = (shell: ShellSettings, settings: CellSettings = {}, changes: Partial<SweepFile> = {}) => {
        const sweep = { kind: 'headscope-sweep' as const, version: 1 as const, run: 'ablation', ...changes };
        const place = new SweepFolder(join(folder, 'a.headscope-sweep.yaml'));
        return new OpenedSweep(place, sweep, '', program, shell).keyOf({ number: 0, own: {}, settings });
      };
      const plain = await keyOf({});
      assert.equal(plain, cellKey({ run: 'ablation', settings: {}, files: [], threads: 0 }), 'as before this counted');
      const q8 = await keyOf({ HEADSCOPE_WEIGHTS: 'q8' });
      const q4 = await keyOf({ HEADSCOPE_WEIGHTS: 'q4' });
      const device = await keyOf({ HEADSCOPE_DEVICE: 'webgpu' });
      const threads = await keyOf({ HEADSCOPE_THREADS: '2' });
      assert.equal(new Set([plain, q8, q4, device, threads]).size, 5);

      const own = { weights: 'q8' };
      assert.equal(await keyOf({ HEADSCOPE_WEIGHTS: 'q4' }, own), await keyOf({}, own));
      const rounded = { activations: 'int8' };
      assert.equal(await keyOf({ HEADSCOPE_WEIGHTS: 'q4' }, rounded), await keyOf({}, rounded));
      const two = { resources: { threads: 2 } };
      assert.equal(await keyOf({ HEADSCOPE_THREADS: '4' }, {}, two), await keyOf({}, {}, two));

      mkdirSync(join(folder, 'adapter'));
      const shell = { HEADSCOPE_ADAPTER: join(folder, 'adapter') };
      const before = await keyOf(shell);
      writeFileSync(join(folder, 'adapter/adapter_config.json'), '{}');
      assert.notEqual(await keyOf(shell), before, 'an adapter goes by its content');
      writeFileSync(join(folder, 'trains'), '');
      assert.equal(await keyOf(shell), plain, 'what takes no adapter is not changed by one');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('takes a variable of the shell for what it is when a model opens', () => {
    const of = (environment: NodeJS.ProcessEnv) => shellSettingsOf({ PATH: '/bin', ...environment });
    assert.deepEqual(of({ HEADSCOPE_DEVICE: ' cpu ', HEADSCOPE_WEIGHTS: 'as-stored', HEADSCOPE_THREADS: '0' }), {});
    // Reported when a model opens, and not followed.
    assert.deepEqual(of({ HEADSCOPE_WEIGHTS: 'q3', HEADSCOPE_ADAPTER: '', HEADSCOPE_THREADS: 'all' }), {});
    assert.deepEqual(of({ HEADSCOPE_WEIGHTS: 'q8', HEADSCOPE_ADAPTER: '/a', HEADSCOPE_THREADS: '3' }), {
      HEADSCOPE_WEIGHTS: 'q8',
      HEADSCOPE_ADAPTER: '/a',
      HEADSCOPE_THREADS: '3',
    });
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
