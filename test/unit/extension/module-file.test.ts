/** The editor of a saved run of a module, from the extension's side and as a table of two runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ShownFileServices } from '../../../extension/panels/file-host';
import { ModuleFileHost } from '../../../extension/panels/module/host';
import { moduleFileName, moduleLines, moduleText, parseModule } from '../../../extension/results/module-words';
import type { ToModulePanel } from '../../../protocol/panels/module';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { comparedRuns } from '../../../webviews/panels/module/comparison';

const text = readFileSync('test/fixtures/results/summary.headscope-module.json', 'utf8');
const read = parseModule(text);
assert.ok(read.ok);
const saved = read.result;
const timing: NonNullable<ModuleResult['timing']> = {
  module: { medianMs: 2, quartilesMs: [1, 3], samples: 9 },
  plain: { medianMs: 6, quartilesMs: [5, 7], samples: 9 },
  ratio: { median: 3, low: 2, high: 4, p: 0.01 },
};

describe('the editor of a saved run of a module', () => {
  function opened(content: () => string, services: Partial<ShownFileServices<ModuleResult>> = {}) {
    const sent: ToModulePanel[] = [];
    const reported: string[] = [];
    const host = new ModuleFileHost(
      { name: 'summary', read: () => parseModule(content()) },
      {
        chooseOther: () => Promise.resolve(undefined),
        export: () => Promise.resolve(),
        copy: () => Promise.resolve(),
        report: (sentence) => reported.push(sentence),
        ...services,
      },
      (message) => sent.push(message),
    );
    return { host, sent, reported };
  }

  it('shows the file when the page is ready, and again when it was edited', async () => {
    let content = text;
    const { host, sent } = opened(() => content);
    await host.refresh();
    assert.deepEqual(sent, []);
    await host.receive({ kind: 'ready' });
    assert.deepEqual(sent, [{ kind: 'open', name: 'summary', result: saved }]);
    content = '{"kind": "headscope-module", "version": 2}';
    await host.refresh();
    const { problem, result } = sent.at(-1)!;
    assert.equal(result, undefined);
    assert.match(problem, /^summary cannot be shown\. It was written in format 2, and this Headscope reads format 1/);
  });

  it('compares with the run that is chosen, until it is told to stop', async () => {
    const other = { name: 'second', result: { ...saved, timing } };
    const { host, sent } = opened(() => text, { chooseOther: () => Promise.resolve(other) });
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'compare' });
    assert.deepEqual(sent.at(-1)!.compareWith, other);
    await host.receive({ kind: 'stopComparing' });
    await host.refresh();
    assert.equal(sent.at(-1)!.compareWith, undefined);
  });

  it('reports what fails and what it does not understand', async () => {
    const { host, reported } = opened(() => text, { copy: () => Promise.reject(new Error('No clipboard.')) });
    await host.receive({ kind: 'copy', text: 'a' });
    await host.receive({ kind: 'run' });
    assert.equal(reported[0], 'No clipboard.');
    assert.match(reported[1]!, /does not understand/);
  });

  it('is written as it is read, under a name of its time and module; its outputs are lines', () => {
    assert.deepEqual(JSON.parse(moduleText(saved)), JSON.parse(text));
    assert.match(moduleFileName(saved), /^\d{4}-\d\d-\d\d-\d{6}-module-selector-summary\.headscope-module\.json$/);
    assert.deepEqual(
      moduleLines(saved).map(({ label, text: line }) => [label, line]),
      [
        ['output', '[1, 2, 3, 4], right, largest error 9.64e-8'],
        ['attention', '[1, 2, 3, 6], right, largest error 6.53e-8'],
      ],
    );
  });

  it('two runs are one table, the second over the first; of another module there is none', () => {
    const [a, b] = [
      { ...saved, timing },
      { ...saved, timing: { ...timing, module: { ...timing.module, medianMs: 5 } } },
    ];
    const table = comparedRuns({ name: 'a', result: a }, { name: 'b', result: b });
    assert.deepEqual(table!.rows.slice(0, 3), [
      ['Time of a call (ms)', 2, 5, 2.5],
      ['Time of plain attention (ms)', 6, 6, 1],
      ['Plain attention / module', 3, 3, 1],
    ]);
    const other = { ...saved, plan: { ...saved.plan, module: 'shsa' } };
    assert.equal(comparedRuns({ name: 'a', result: saved }, { name: 'b', result: other }), undefined);
  });
});
