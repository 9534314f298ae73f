/** Circuit files: what is refused, edits by hand, group sums, a later run, and two files beside each other. Values by hand. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CircuitFileHost, type CircuitFileServices } from '../../../extension/panels/circuit/host';
import { circuitDescription, circuitFileName, circuitLines } from '../../../extension/results/circuit-words';
import { parseAnalysis } from '../../../protocol/analysis/schema';
import { circuitText, parseCircuit, type Circuit } from '../../../protocol/circuits/circuit-file';
import { circuitDifference, differenceCircuit, whyUnlike } from '../../../protocol/circuits/compare';
import * as edit from '../../../protocol/circuits/edit';
import { layOut } from '../../../protocol/circuits/layout';
import { changeWords, circuitFrom, merged } from '../../../protocol/circuits/merge';
import { shownCircuit } from '../../../protocol/circuits/shown';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import { EditedFile } from '../../support/edited-file';

const text = readFileSync('test/fixtures/results/names.headscope-circuit.json', 'utf8');

function parsed(content: string): Circuit {
  const read = parseCircuit(content);
  assert.ok(read.ok, read.ok ? '' : read.why);
  return read.result;
}

const saved = parsed(text);

/** A result whose graph a circuit may come from. */
function discovered() {
  const file = 'test/fixtures/results/circuit-discovery-2026-11-30.headscope-analysis.json';
  const read = parseAnalysis(readFileSync(file, 'utf8'));
  assert.ok(read.ok);
  const section = read.result.sections.find((one) => one.kind === 'graph');
  assert.ok(section?.kind === 'graph');
  return { result: read.result, section };
}

type Weights = Readonly<Record<string, number>>;

/** Heads in layers by their ids, `L1H2`; edges as `from>to`. */
function planted(heads: readonly string[], weights: Weights, created = '2026-12-01T10:00:00.000Z'): Circuit {
  return {
    ...saved,
    origin: { ...saved.origin, created },
    groups: [],
    marks: [],
    nodes: heads.map((id) => {
      const [, layer = 0, column = 0] = (/^L(\d+)H(\d+)$/.exec(id) ?? []).map(Number);
      return { id, kind: 'head' as const, layer, column, label: id, weight: 0 };
    }),
    edges: Object.entries(weights).map(([ends, weight]) => {
      const [from = '', to = ''] = ends.split('>');
      return { from, to, weight };
    }),
  };
}

const four = planted(['L0H0', 'L0H1', 'L1H0', 'L2H0'], {
  'L0H0>L1H0': 0.5,
  'L0H1>L1H0': -0.25,
  'L0H0>L0H1': 0.125,
  'L1H0>L2H0': 2,
  'L0H1>L2H0': 1,
});

const sums = (circuit: Circuit): Weights =>
  Object.fromEntries(shownCircuit(circuit).edges.map(({ from, to, weight }) => [`${from}>${to}`, weight]));

function refusal(change: (file: Record<string, unknown>) => void): string {
  const file = JSON.parse(text) as Record<string, unknown>;
  change(file);
  const read = parseCircuit(JSON.stringify(file));
  assert.ok(!read.ok);
  return read.why;
}

describe('a circuit file', () => {
  it('is written one node, edge, group and mark a line, and read as it stands', () => {
    assert.equal(circuitText(saved), text);
    assert.deepEqual(parsed(circuitText(four)), four);
    assert.ok(text.includes('\n    {"id":"L1H0","kind":"head","layer":1,"column":0,"label":"L1H0","weight":0.22},\n'));
    assert.match(
      circuitFileName(saved),
      /^\d{4}-\d\d-\d\d-\d{6}-0-circuit-discovery-circuit\.headscope-circuit\.json$/,
    );
    assert.equal(circuitDescription(saved), 'Indirect objects: 10 nodes, 14 edges, 1 group');
    assert.deepEqual(circuitLines(saved).slice(0, 2), [
      { label: 'Name movers', text: '2 members' },
      { label: 'L0H3 → L1H0', text: '0.5' },
    ]);
  });

  it('is refused with a sentence that says what to do', () => {
    const group = (id: string, ...members: string[]) => ({ id, name: id, members });
    const cases: readonly (readonly [(file: Record<string, unknown>) => void, RegExp])[] = [
      [
        (file) => (file['kind'] = 'headscope-plan'),
        /^kind is not "headscope-circuit", so this is no circuit of Headscope\.$/,
      ],
      [(file) => (file['version'] = 3), /^It was written in format 3, and this Headscope reads format 2/],
      [
        (file) => (file['nodes'] as unknown[]).push((file['nodes'] as unknown[])[0]),
        /^The id "embedding" is given twice\./,
      ],
      [(file) => (file['groups'] = [group('L1H0', 'L0H1')]), /^The id "L1H0" is given twice\./],
      [
        (file) => (file['edges'] = [{ from: 'L0H1', to: 'L9H9\u001b[31m', weight: 1 }]),
        /^An edge names "L9H9\\u001b\[31m", which is no node\./,
      ],
      [
        (file) => (file['groups'] = [group('a', 'gone')]),
        /^The group "a" has the member "gone", which is no node or group\./,
      ],
      [
        (file) => (file['groups'] = [group('a', 'L0H1'), group('b', 'L0H1')]),
        /^"L0H1" is in two groups, or twice in one\./,
      ],
      [(file) => (file['groups'] = [group('a', 'b'), group('b', 'a')]), /^The group "a" is inside itself\./],
      [(file) => (file['groups'] = [group('a', 'a')]), /^The group "a" is inside itself\./],
      [
        (file) =>
          (file['groups'] = Array.from({ length: 80 }, (_, at) => group(`g${at}`, at === 79 ? 'L0H1' : `g${at + 1}`))),
        /lies in more than 64 groups/,
      ],
      [(file) => (file['marks'] = [{ of: 'x', pinned: true }]), /^A mark is of "x", which is no node or group\./],
      [(file) => (file['marks'] = [{ of: 'L0H1' }, { of: 'L0H1' }]), /^"L0H1" has two marks\./],
      [(file) => (file['marks'] = [{ of: 'L0H1', at: { x: 1e9, y: 0 } }]), /^marks\[0\]\.at\.x is not a number from/],
      [
        (file) => (file['nodes'] = Array.from({ length: 20_000 }, () => 0)),
        /^nodes is not a list of nodes of at most 16384\.$/,
      ],
    ];
    for (const [change, why] of cases) assert.match(refusal(change), why);
    const broken = parseCircuit(text.slice(0, -9));
    assert.ok(!broken.ok && broken.why.startsWith('The file is not valid JSON: line '));
  });

  it('comes from the graph of a result, with all that runs it again', () => {
    const { result, section } = discovered();
    const circuit = circuitFrom(result, section, setupOfAnalysis(result));
    assert.deepEqual(circuit.nodes, section.nodes);
    assert.deepEqual(circuit.edges, section.edges);
    assert.equal(circuit.origin.setup.analysis, 'circuit-discovery');
    assert.equal(circuit.origin.model.hash, result.model.hash);
    parsed(circuitText(circuit));
    // Its picture leaves out an edge that leads nowhere, and so does the file.
    const astray = { ...section, edges: [...section.edges, { from: 'L1H0', to: 'L7H7', weight: 1 }] };
    assert.deepEqual(circuitFrom(result, astray, setupOfAnalysis(result)).edges, section.edges);
  });
});

describe('a group of a circuit', () => {
  const closed = edit.grouped(four, ['L0H0', 'L0H1']);

  it('has the sums of the edges of its members, with their signs, and none of those inside', () => {
    assert.deepEqual(sums(closed), { 'L1H0>L2H0': 2, 'group-1>L1H0': 0.5 - 0.25, 'group-1>L2H0': 1 });
    assert.equal(shownCircuit(closed).inside, 1);
    const edge = shownCircuit(closed).edges.find(({ to, from }) => from === 'group-1' && to === 'L1H0');
    assert.deepEqual([edge?.count, edge?.summed], [2, true]);
  });

  it('in a group counts as the outer one; opened, it shows what is in it', () => {
    const outer = edit.grouped(closed, ['group-1', 'L1H0']);
    assert.deepEqual(sums(outer), { 'group-2>L2H0': 3 });
    assert.equal(shownCircuit(outer).inside, 3);
    const open = edit.opened(outer, 'group-2', true);
    assert.deepEqual(sums(open), sums(closed));
    assert.deepEqual(
      shownCircuit(open).frames.map(({ id, around }) => [id, around]),
      [['group-2', ['group-1', 'L1H0']]],
    );
    // An outer group that is closed hides the inner one, open or not.
    assert.deepEqual(sums(edit.opened(outer, 'group-1', true)), { 'group-2>L2H0': 3 });
    assert.deepEqual(sums(edit.ungrouped(outer, ['group-2'])), sums(closed));
    assert.deepEqual(edit.ungrouped(edit.ungrouped(outer, ['group-1']), ['group-2']).groups, []);
  });

  it('keeps what vanished out of the sum of what is there', () => {
    const edges = closed.edges.map((edge) =>
      edge.from === 'L0H1' ? { ...edge, gone: '2026-12-01T09:00:00.000Z' } : edge,
    );
    const into = shownCircuit({ ...closed, edges }).edges.filter(({ from, to }) => from === 'group-1' && to === 'L1H0');
    assert.deepEqual(
      into.map(({ weight, gone }) => [weight, gone !== undefined]),
      [
        [0.5, false],
        [-0.25, true],
      ],
    );
  });

  it('takes members out of the groups that they were in, and goes when it is empty', () => {
    const again = edit.grouped(closed, ['L0H0', 'L0H1', 'L1H0']);
    // Two of the three lay in one group, the third in none: the old one is left empty.
    assert.deepEqual(
      again.groups.map(({ id, members }) => [id, members]),
      [['group-2', ['L0H0', 'L0H1', 'L1H0']]],
    );
    assert.equal(edit.grouped(four, ['L0H0']), four);
    assert.equal(edit.grouped(four, ['L0H0', 'nowhere']), four);
  });
});

describe('edits of a circuit', () => {
  it('say what a person said, and nothing once it is taken back', () => {
    let circuit = edit.moved(four, [
      { id: 'L0H0', x: 10.4, y: -3 },
      { id: 'nowhere', x: 0, y: 0 },
    ]);
    circuit = edit.renamed(circuit, 'L0H0', '  Previous token ');
    circuit = edit.noted(circuit, 'L0H0', '<script>alert(1)</script>');
    circuit = edit.pinned(circuit, ['L0H0'], true);
    assert.deepEqual(circuit.marks, [
      { of: 'L0H0', at: { x: 10, y: -3 }, name: 'Previous token', note: '<script>alert(1)</script>', pinned: true },
    ]);
    circuit = edit.unplaced(circuit, ['L0H0']);
    circuit = edit.renamed(circuit, 'L0H0', 'L0H0');
    circuit = edit.noted(circuit, 'L0H0', ' ');
    assert.deepEqual(edit.pinned(circuit, ['L0H0'], false).marks, []);
    assert.equal(edit.renamed(four, 'L0H0', ''), four);
    assert.equal(edit.pinned(four, ['L0H0'], false), four);
  });
});

describe('a later run', () => {
  const before = edit.moved(
    edit.noted(
      edit.renamed(edit.pinned(edit.grouped(four, ['L0H0', 'L0H1']), ['L1H0'], true), 'group-1', 'Early'),
      'L2H0',
      'last',
    ),
    [{ id: 'L1H0', x: 7, y: 9 }],
  );
  const second = planted(
    ['L0H0', 'L1H0', 'L1H3', 'L2H0'],
    { 'L0H0>L1H0': 0.75, 'L1H0>L2H0': 2, 'L1H3>L2H0': -1 },
    '2026-12-02T10:00:00.000Z',
  );
  const result = merged(before, second);
  assert.ok(result.ok);
  const after = result.result;

  it('brings new weights and keeps positions, groups, names, notes and pins', () => {
    const edge = (from: string, to: string) => after.edges.find((one) => one.from === from && one.to === to);
    assert.deepEqual(edge('L0H0', 'L1H0'), { from: 'L0H0', to: 'L1H0', weight: 0.75 });
    assert.deepEqual(edge('L1H3', 'L2H0'), { from: 'L1H3', to: 'L2H0', weight: -1, fresh: true });
    assert.deepEqual(edge('L0H1', 'L2H0'), { from: 'L0H1', to: 'L2H0', weight: 1, gone: '2026-12-01T10:00:00.000Z' });
    assert.deepEqual(after.groups, before.groups);
    assert.equal(after.title, before.title);
    assert.equal(after.origin.created, '2026-12-02T10:00:00.000Z');
    const mark = (id: string) => after.marks.find(({ of }) => of === id);
    assert.deepEqual(mark('L1H0'), { of: 'L1H0', pinned: true, at: { x: 7, y: 9 } });
    assert.equal(mark('L2H0')?.note, 'last');
    parsed(circuitText(after));
    assert.equal(changeWords(after), '1 node and 1 edge are new, 1 node and 3 edges were not found again');
  });

  it('leaves everything where it stood, though a new node widens the layout', () => {
    const places = (circuit: Circuit) => new Map(shownCircuit(circuit).nodes.map(({ id, x, y }) => [id, `${x} ${y}`]));
    const [stood, stand] = [places(before), places(after)];
    for (const id of ['L1H0', 'L2H0', 'group-1']) assert.equal(stand.get(id), stood.get(id), id);
    assert.notEqual(
      layOut(after).places.get('L2H0')?.x,
      layOut(four).places.get('L2H0')?.x,
      'the layout itself has moved',
    );
  });

  it('marks nothing twice: the same run again has no news but what is gone', () => {
    const again = merged(after, { ...second, origin: { ...second.origin, created: '2026-12-03T10:00:00.000Z' } });
    assert.ok(again.ok);
    assert.ok(again.result.nodes.every(({ fresh }) => fresh === undefined));
    assert.equal(again.result.nodes.find(({ id }) => id === 'L0H1')?.gone, '2026-12-01T10:00:00.000Z');
    const back = merged(again.result, { ...four, origin: { ...four.origin, created: '2026-12-04T10:00:00.000Z' } });
    assert.ok(back.ok);
    assert.deepEqual(
      back.result.nodes.map(({ id, fresh, gone }) => [id, fresh === true, gone]),
      [
        ['L0H0', false, undefined],
        ['L0H1', true, undefined],
        ['L1H0', false, undefined],
        ['L2H0', false, undefined],
        ['L1H3', false, '2026-12-03T10:00:00.000Z'],
      ],
    );
  });

  it('is cleared of what is gone by hand alone, with the groups that are empty then', () => {
    const settled = edit.settled(after);
    assert.deepEqual(
      settled.nodes.map(({ id }) => id),
      ['L0H0', 'L1H0', 'L1H3', 'L2H0'],
    );
    assert.deepEqual(settled.groups[0]?.members, ['L0H0']);
    assert.ok(settled.edges.every(({ fresh, gone }) => fresh === undefined && gone === undefined));
    assert.equal(edit.settled(settled), settled);
    parsed(circuitText(settled));
  });

  it('of another analysis, or with a node called as a group, is refused', () => {
    const { setup } = second.origin;
    const other = merged(before, {
      ...second,
      origin: { ...second.origin, setup: { ...setup, analysis: 'attribution' } },
    });
    assert.ok(!other.ok && other.why.includes('Choose a result of the same analysis'));
    const clash = merged(before, { ...second, nodes: second.nodes.map((node) => ({ ...node, id: 'group-1' })) });
    assert.ok(!clash.ok && clash.why.includes('which is a group of the circuit'));
  });
});

describe('two circuits', () => {
  const other = planted(['L0H0', 'L0H1', 'L1H0', 'L1H1'], { 'L0H0>L1H0': 0.75, 'L0H1>L1H0': -0.25, 'L0H0>L1H1': 0.5 });

  it('differ in nodes, edges and weights, with signs', () => {
    const difference = circuitDifference(four, other);
    assert.deepEqual(
      difference.onlyHere.map(({ id }) => id),
      ['L2H0'],
    );
    assert.deepEqual(
      difference.onlyThere.map(({ id }) => id),
      ['L1H1'],
    );
    assert.equal(difference.same, 1);
    assert.deepEqual(
      difference.edges.map(({ edge, here, there, difference: by }) => [`${edge.from}>${edge.to}`, here, there, by]),
      [
        ['L1H0>L2H0', 2, NaN, 2],
        ['L0H1>L2H0', 1, NaN, 1],
        ['L0H0>L1H1', NaN, 0.5, -0.5],
        ['L0H0>L1H0', 0.5, 0.75, -0.25],
        ['L0H0>L0H1', 0.125, NaN, 0.125],
      ],
    );
    // Sums of a group are differences, too: (0.5 - 0.75) + (-0.25 + 0.25).
    const grouped = edit.grouped(four, ['L0H0', 'L0H1']);
    assert.equal(sums(differenceCircuit(grouped, other, circuitDifference(grouped, other)))['group-1>L1H0'], -0.25);
  });

  it('count what is gone as absent, and say when their weights are unlike', () => {
    const gone = { ...other, nodes: other.nodes.map((node) => ({ ...node, gone: 'x' })), edges: [] };
    assert.equal(circuitDifference(four, gone).onlyHere.length, 4);
    assert.equal(whyUnlike(four, other), undefined);
    assert.match(whyUnlike(four, { ...other, unit: 'nats' }) ?? '', /defined differently/);
  });
});

describe('the host of a circuit', () => {
  function opened(services: Partial<CircuitFileServices> = {}) {
    const sent: ToCircuitPanel[] = [];
    const edited = new EditedFile('names', parseCircuit, text, four);
    const { said } = edited;
    const all = {
      ...edited.services,
      run: async ({ analysis }: Circuit['origin']['setup']) => {
        await edited.note(`run ${analysis}`)();
        return undefined;
      },
      refusal: () => undefined,
      chooseRun: () => Promise.resolve(undefined),
      say: (sentence: string) => void said.push(sentence),
      ...services,
    };
    const host = edited.shownBy(new CircuitFileHost(edited.file, all, (message) => sent.push(message)));
    return { host, sent, said, edited };
  }

  it('writes each edit as text, leaves the file alone where nothing changes, and passes on the rest', async () => {
    const { host, sent, said, edited } = opened();
    await host.receive({ kind: 'ready' });
    assert.deepEqual(sent.at(-1)?.result, saved);
    await host.receive({ kind: 'retitle', title: saved.title });
    await host.receive({ kind: 'ungroup', ids: ['L0H1'] });
    assert.equal(edited.text, text);
    await host.receive({ kind: 'pin', ids: ['L1H0'], pinned: true });
    assert.deepEqual(edited.saved.marks.at(-1), { of: 'L1H0', pinned: true });
    for (const kind of ['undo', 'redo', 'openText', 'runAgain', 'update']) await host.receive({ kind });
    assert.deepEqual(said, ['undo', 'redo', 'text', 'run circuit-discovery']);
    await host.receive({ kind: 'compare' });
    assert.equal(sent.at(-1)?.compareWith?.name, 'other');
    await host.receive({ kind: 'stopComparing' });
    assert.equal(sent.at(-1)?.compareWith, undefined);
    await host.receive({ kind: 'move', places: [{ id: 'L1H0', x: 'left', y: 0 }] });
    assert.match(said.at(-1) ?? '', /does not understand/);
  });

  it('merges a run that is chosen, and says why another is not', async () => {
    const run = {
      ...saved,
      edges: saved.edges.slice(0, 13),
      origin: { ...saved.origin, created: '2026-12-02T00:00:00.000Z' },
    };
    const runs = [run, { ...run, origin: { ...run.origin, section: 'edges' } }];
    const { host, said, edited } = opened({ chooseRun: () => Promise.resolve(runs.shift()) });
    await host.receive({ kind: 'update' });
    assert.deepEqual(edited.saved.marks, saved.marks);
    assert.match(said[0] ?? '', /^The circuit holds the run of 2026-12-02T00:00:00\.000Z now: /);
    const before = edited.text;
    await host.receive({ kind: 'update' });
    assert.match(said[1] ?? '', /Choose a result of the same analysis/);
    assert.equal(edited.text, before);
  });

  it('runs the request of the file again, and brings what it gives into the file as it is by then', async () => {
    const { result, section } = discovered();
    const first = circuitFrom(result, section, setupOfAnalysis(result));
    const [gone] = section.nodes;
    const graph = { ...section, nodes: section.nodes.slice(1), edges: [] };
    const later = { ...result, created: '2026-12-03T00:00:00.000Z', sections: [graph] };
    let end = (): void => {};
    const asked: unknown[] = [];
    const run = async (setup: unknown) => {
      asked.push(setup);
      await new Promise<void>((done) => (end = done));
      return later;
    };
    const { host, said, edited } = opened({ run });
    edited.texts.push(circuitText(first));
    const running = host.receive({ kind: 'runAgain' });
    while (asked.length === 0) await new Promise(setImmediate);
    await host.receive({ kind: 'retitle', title: 'Typed meanwhile' });
    end();
    await running;
    assert.deepEqual(asked, [first.origin.setup]);
    const { title, origin, nodes } = edited.saved;
    assert.deepEqual([title, origin.created], ['Typed meanwhile', later.created]);
    assert.deepEqual(
      nodes.filter((node) => node.gone !== undefined).map(({ id }) => id),
      [gone?.id],
    );
    assert.match(said[0] ?? '', /^The circuit holds the run of 2026-12-03T00:00:00\.000Z now: /);
    const before = edited.text;
    const without = opened({ run: () => Promise.resolve({ ...later, sections: [] }) });
    await without.host.receive({ kind: 'runAgain' });
    assert.match(without.said[0] ?? '', /^That result has no graph/);
    assert.equal(edited.text, before);
  });

  it('runs no request whose paths are not opened', async () => {
    const { host, said, edited } = opened({ refusal: ({ folder }) => `The file names ${folder}.` });
    await host.receive({ kind: 'runAgain' });
    assert.deepEqual(said, [`The file names ${saved.origin.setup.folder}.`]);
    assert.equal(edited.text, text);
  });

  it('says why a file cannot be shown, and changes nothing of it', async () => {
    const { host, sent, said, edited } = opened();
    edited.texts.push('{"kind":"headscope-circuit"');
    await host.receive({ kind: 'ready' });
    assert.match(sent[0]?.problem ?? '', /^names cannot be shown\. The file is not valid JSON: /);
    await host.receive({ kind: 'settle' });
    assert.match(said[0] ?? '', /^names cannot be read as a circuit\./);
    assert.equal(edited.text, '{"kind":"headscope-circuit"');
  });
});
