/** The Sweeps panel from the extension's side, and what is made of a run and of results without VS Code. */
import assert from 'node:assert/strict';
import { SweepHost, type SweepServices } from '../../../extension/panels/sweep/host';
import { sweepOf } from '../../../extension/panels/sweep/new-sweep';
import { cellLine } from '../../../extension/views/sweep-line';
import catalogue from '../../../language-server/service/sweeps/catalogue.json';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { ToSweepPanel } from '../../../protocol/panels/sweep';
import type { SweepCatalogue } from '../../../protocol/sweeps/catalogue';
import { readSweep } from '../../../protocol/sweeps/read-sweep';
import type { SweepAsk, SweepPicture } from '../../../protocol/sweeps/sweep-picture';

const picture: SweepPicture = {
  title: 'a',
  run: 'task',
  total: 2,
  states: { open: 0, waiting: 0, running: 0, done: 2, failed: 0, cancelled: 0 },
  active: false,
  axes: [],
  look: {},
  cells: [],
  listed: 2,
  values: [],
  read: 2,
  sections: [],
  took: 0,
};

function opened(services: Partial<SweepServices> = {}) {
  const sent: ToSweepPanel[] = [];
  const said: string[] = [];
  const asked: SweepAsk[] = [];
  const note = (what: string) => (): Promise<void> => {
    said.push(what);
    return Promise.resolve();
  };
  const host = new SweepHost(
    {
      name: 'a',
      mayRun: () => true,
      isUnsaved: () => false,
      save: () => Promise.resolve(true),
      ask: (ask) => {
        asked.push(ask);
        return Promise.resolve((ask.kind === 'look' ? picture : 'Done.') as never);
      },
      rest: () => said.push('rest'),
      confirm: () => Promise.resolve(true),
      openText: note('text'),
      openResult: note('result'),
      openLog: note('log'),
      compare: note('compare'),
      export: note('export'),
      copy: note('copy'),
      report: (sentence) => said.push(sentence),
      ...services,
    },
    (message) => sent.push(message),
  );
  return { host, sent, said, asked };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the host of a sweep', () => {
  it('shows the sweep as the command line has it, and what the person looks at', async () => {
    const { host, sent, asked } = opened();
    await host.receive({ kind: 'ready' });
    await settled();
    assert.deepEqual(sent, [
      { kind: 'open', name: 'a', canRun: true, unsaved: false },
      { kind: 'picture', picture },
    ]);
    await host.receive({ kind: 'look', look: { rows: 'model', page: 2 } });
    assert.deepEqual(asked.at(-1), { kind: 'look', look: { rows: 'model', page: 2 } });
    host.dispose();
  });

  it('starts nothing in an untrusted workspace, and says why', async () => {
    const { host, sent, asked } = opened({ mayRun: () => 'It is not trusted.' });
    await host.receive({ kind: 'ready' });
    await settled();
    assert.deepEqual([sent.length, asked.length], [1, 0]);
    host.dispose();
  });

  it('saves the file before it submits, and submits nothing where that is refused', async () => {
    let saves = 0;
    const refusing = opened({
      isUnsaved: () => true,
      save: () => {
        saves += 1;
        return Promise.resolve(false);
      },
    });
    await refusing.host.receive({ kind: 'ready' });
    await refusing.host.receive({ kind: 'submit', failedOnly: false });
    assert.equal(saves, 1);
    assert.deepEqual(
      refusing.asked.filter(({ kind }) => kind === 'submit'),
      [],
    );
    refusing.host.dispose();
    const { host, asked, sent } = opened();
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'submit', failedOnly: true });
    assert.deepEqual(
      asked.find(({ kind }) => kind === 'submit'),
      { kind: 'submit', which: 'failed' },
    );
    assert.ok(sent.some((message) => message.kind === 'done' && message.sentence === 'Done.'));
    host.dispose();
  });

  it('says in the panel what went wrong, and looks again while cells run until the panel is hidden', async () => {
    let looks = 0;
    const failing = opened({ ask: () => Promise.reject(new Error('Slurm does not answer.')) });
    await failing.host.receive({ kind: 'ready' });
    await settled();
    const failed = failing.sent.find(({ kind }) => kind === 'failed');
    assert.equal(failed?.kind === 'failed' && failed.sentence, 'Slurm does not answer.');
    failing.host.dispose();

    // Results that are not read yet are asked for at once.
    const { host, said } = opened({
      ask: () => {
        looks += 1;
        if (looks === 3) host.hide();
        return Promise.resolve({ ...picture, read: looks > 5 ? 2 : 1 } as never);
      },
    });
    await host.receive({ kind: 'ready' });
    for (let waits = 0; looks < 3 && waits < 1000; waits++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(looks, 3);
    assert.ok(said.includes('rest'));
    host.dispose();
  });

  it('asks before a result is set aside', async () => {
    const questions: string[] = [];
    const chosen = { key: 'k', state: 'done' as const, cell: 0, tries: 1, labels: [] };
    const { host, asked } = opened({
      confirm: (question) => {
        questions.push(question);
        return Promise.resolve(false);
      },
      ask: (ask) => {
        asked.push(ask);
        return Promise.resolve({ ...picture, chosen } as never);
      },
    });
    await host.receive({ kind: 'ready' });
    await settled();
    await host.receive({ kind: 'again', cell: 'k' });
    assert.deepEqual(questions, ['Run this cell again?']);
    assert.ok(asked.every(({ kind }) => kind === 'look'));
    host.dispose();
  });
});

const setup: AnalysisSetup = {
  analysis: 'ablation',
  folder: '/models/a: b # c',
  input: { kind: 'task', task: 'induction', samples: 12 },
  parameters: {},
  interventions: [],
  seed: 7,
};

describe('a new sweep from a run', () => {
  const usual = { device: 'cpu', weights: 'as-stored' };
  const runs = (catalogue as unknown as SweepCatalogue).runs;
  const analysis = (id: string) => {
    const found = runs.find(({ run }) => run === id);
    assert.ok(found);
    return {
      id,
      title: found.title,
      parameters: found.parameters ?? {},
      ...(found.trains ? { trains: true as const } : {}),
    };
  };
  const made = (change: Partial<AnalysisSetup>, place = usual) => {
    const text = sweepOf({ ...setup, ...change }, analysis(change.analysis ?? 'ablation'), place);
    assert.ok(text.ok, text.ok ? '' : text.why);
    const read = readSweep(text.result, catalogue as unknown as SweepCatalogue);
    assert.deepEqual(read.faults, [], text.result);
    return { text: text.result, sweep: read.sweep };
  };

  it('has one cell that says all that differs from the usual, and passes the check of sweeps', () => {
    const { sweep } = made({ parameters: { mode: 'mean' } });
    assert.deepEqual(sweep?.matrix, { model: ['/models/a: b # c'], task: ['induction'], 'param.mode': ['mean'] });
    assert.deepEqual(sweep?.settings, { samples: 12 });
    assert.deepEqual(sweep?.seeds, [7]);
  });

  it('keeps prompts as they are typed, changes of heads, the device and the weights', () => {
    const text = 'She said: "no" # and\n\ttabs ü';
    const { sweep } = made(
      {
        analysis: 'direct-logit-attribution',
        input: { kind: 'prompt', prompt: { kind: 'text', text } },
        interventions: [{ kind: 'gain', layer: 2, head: 5, gain: 0 }] as AnalysisSetup['interventions'],
      },
      { device: 'webgpu', weights: 'q8' },
    );
    assert.deepEqual(sweep?.settings, { prompt: text, do: ['gain:2.5=0'], device: 'webgpu', weights: 'q8' });
  });

  it('tells of every parameter that it leaves as it is, so that a list can be made of it', () => {
    const { text } = made({});
    for (const name of Object.keys(analysis('ablation').parameters))
      assert.match(text, new RegExp(`# param\\.${name}: \\[`, 'u'));
    // Each of these lines is one of the matrix once its sign is taken away.
    const all = text.replaceAll(/^ {2}# (param\.[^\n]*)$/gmu, '  $1');
    assert.notEqual(all, text);
    assert.deepEqual(readSweep(all, catalogue as unknown as SweepCatalogue).faults, []);
  });

  it('refuses what a cell could not be given', () => {
    const pair = {
      kind: 'prompt-pair',
      prompt: { kind: 'text', text: 'a' },
      counterpart: { kind: 'ids', ids: [1] },
    } as const;
    const refused = sweepOf({ ...setup, input: pair }, analysis('ablation'), usual);
    assert.match(refused.ok ? '' : refused.why, /second prompt as text/u);
    const without = sweepOf({ ...setup, folder: '' }, analysis('ablation'), usual);
    assert.match(without.ok ? '' : without.why, /^No model is chosen/u);
  });
});

describe('the row of a cell', () => {
  it('names what tells it from others, and what its result says', () => {
    const line = cellLine({ sweep: { settings: { model: 'models/a', seed: 1 } }, finding: 'Two heads matter.' });
    assert.deepEqual([line.label, line.description], ['model a · seed 1', 'Two heads matter.']);
    assert.equal(cellLine({ sweep: { settings: {} } }).label, 'The only cell');
    assert.equal(cellLine({}).icon, 'warning');
  });
});
