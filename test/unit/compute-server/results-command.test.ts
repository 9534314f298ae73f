/** Numbers of a saved result as files of other programs: `headscope results`. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandErrorOf } from '../../../compute-server/cli/exit-codes';
import { lookAtOutputs } from '../../../compute-server/cli/output-options';
import { headscopeProgram } from '../../../compute-server/cli/program';
import { pythonText } from '../../../compute-server/cli/python-lines';
import { CommandSession } from '../../../compute-server/cli/session';
import { whyNotReplaced } from '../../../files/output';
import type { Section } from '../../../protocol/sections/section';
import { readArrow, readNpy, readSafetensors, readStoredZip } from '../../support/export-files';

const fixture = (...parts: readonly string[]): string => join(process.cwd(), 'test', 'fixtures', ...parts);

const scale = { kind: 'sequential' } as const;
const hostile = `a"""\n); import os; os.system("x") # \u2028\u{1f600}\\`;

/** Two layers of different widths, a class, a number that is not there; every other kind with values that are told apart. */
const sections: readonly Section[] = [
  {
    kind: 'heads',
    id: 'heads',
    title: 'Heads',
    numbers: [
      {
        ...{ name: 'score', title: 'Score', unit: 'nats', definition: 'what it is', scale },
        values: [[0.5, Number.NaN, 2], [-1]],
      },
    ],
    classes: [{ name: 'sink', title: 'Sink', definition: 'looks at the first', heads: [{ layer: 1, head: 0 }] }],
  },
  {
    kind: 'map',
    id: 'heads.map',
    title: 'Map',
    unit: '',
    definition: 'share',
    scale,
    rows: { title: 'query', labels: ['é', '"#,'] },
    columns: { title: 'key', labels: ['x', 'y'] },
    values: [[1], [0.25, 0.75]],
  },
  {
    kind: 'table',
    id: hostile,
    title: hostile,
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: hostile, title: hostile, kind: 'text' },
      { name: 'n', title: 'N', kind: 'number', unit: 'ms' },
    ],
    rows: [
      [{ layer: 3, head: 1 }, '=1+1', 7],
      [null, '', null],
      [{ layer: 0, head: 2 }, '\u{1f600}', -0.5],
    ],
  },
  {
    kind: 'graph',
    id: 'CON',
    title: 'Circuit',
    unit: '',
    definition: 'weight',
    threshold: 0,
    nodes: [{ id: 'n', kind: 'head', layer: 0, column: 1, label: 'L0H1', weight: 0.5 }],
    edges: [],
  },
];

describe('headscope results', () => {
  let root: string;
  let out: string[];
  let file: string;
  const at = (name: string): string => join(root, name);
  const bytes = (name: string): Buffer => readFileSync(at(name));
  const asked = (...words: readonly string[]): Promise<unknown> => {
    out = [];
    const session = new CommandSession({
      writeOut: (text) => out.push(text),
      writeErr: (text) => out.push(text),
      progress: () => {},
    });
    return lookAtOutputs(headscopeProgram(session), session).parseAsync(['results', ...words], { from: 'user' });
  };
  const refused = async (sentence: RegExp, ...words: readonly string[]): Promise<void> => {
    const error = await asked(...words).then(() => undefined, commandErrorOf);
    assert.equal(error?.exitCode, 2, out.join(''));
    assert.match(error.message, sentence);
  };

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-results-'));
    file = at('mine.headscope-analysis.json');
    const saved = JSON.parse(
      readFileSync(fixture('results', 'ablation-2026-11-30.headscope-analysis.json'), 'utf8'),
    ) as object;
    writeFileSync(file, JSON.stringify({ ...saved, sections }));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('lists what there is', async () => {
    await asked('list', file);
    const listed = out.join('');
    for (const line of [/^heads +4 x 4 +Heads$/m, /^heads\.score +\[2, 3\] +Score$/m, /^_CON\.nodes +1 x 6/m]) {
      assert.match(listed, line);
    }
    assert.ok(!listed.includes('\u2028'), 'a title does not steer the terminal');
  });

  it('writes npz: matrices row after row, columns of tables, and what they are', async () => {
    await asked('export', file, '-o', at('a.npz'));
    const files = readStoredZip(bytes('a.npz'));
    const meta = JSON.parse(files.get('meta.json')?.toString('utf8') ?? '') as {
      readonly of: { readonly analysis: string };
      readonly arrays: Readonly<Record<string, object>>;
    };
    assert.equal(meta.of.analysis, 'ablation');
    assert.deepEqual(meta.arrays['heads.score'], {
      ...{ title: 'Score', unit: 'nats', definition: 'what it is', type: 'number', shape: [2, 3] },
      axes: [
        { name: 'layer', title: 'Layer' },
        { name: 'head', title: 'query head' },
      ],
    });
    const score = readNpy(files.get('heads.score.npy') ?? assert.fail());
    assert.equal(score.header, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }");
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map((place) => score.data.readDoubleLE(8 * place)),
      [0.5, NaN, 2, -1, NaN, NaN],
    );
    const sink = readNpy(files.get('heads.class.sink.npy') ?? assert.fail());
    assert.match(sink.header, /'\|b1'.*\(2, 3\)/u);
    assert.deepEqual([...sink.data], [0, 0, 0, 1, 0, 0]);
    // [rows, columns] with the labels of both.
    assert.deepEqual((meta.arrays['heads.map'] as { readonly axes: readonly object[] }).axes[0], {
      ...{ name: 'row', title: 'query', labels: ['é', '"#,'] },
    });
    const [table = ''] = Object.keys(meta.arrays).filter((name) => name.endsWith('.n'));
    assert.match(table, /^[\w.-]+\.n$/u);
    const heads = readNpy(files.get(table.replace(/n$/u, 'head.npy')) ?? assert.fail());
    assert.equal(heads.header, "{'descr': '<U4', 'fortran_order': False, 'shape': (3,), }");
    assert.equal(heads.data.subarray(0, 16).toString('utf16le'), 'L\u00003\u0000H\u00001\u0000');
    for (const name of files.keys()) assert.match(name, /^[\w-][\w.-]*$/u);
  });

  it('writes safetensors with texts and meanings in the metadata', async () => {
    await asked('export', file, '-o', at('a.safetensors'));
    const { metadata, tensors } = readSafetensors(bytes('a.safetensors'));
    const score = tensors.get('heads.score') ?? assert.fail();
    assert.deepEqual([score.dtype, score.shape], ['F64', [2, 3]]);
    assert.equal(score.data.readDoubleLE(24), -1);
    assert.equal(tensors.get('heads.class.sink')?.dtype, 'BOOL');
    const texts = JSON.parse(metadata['texts'] ?? '') as Readonly<Record<string, readonly string[]>>;
    assert.deepEqual(texts['_CON.nodes.label'], ['L0H1']);
    assert.deepEqual(tensors.get('_CON.nodes.layer')?.shape, [1]);
    const arrays = JSON.parse(metadata['arrays'] ?? '') as Readonly<Record<string, { readonly unit: string }>>;
    assert.equal(arrays['heads.score']?.unit, 'nats');
  });

  it('reads Arrow as another program writes it', () => {
    // Written by apache-arrow 21.2.0 for JavaScript: it holds the reader of these tests to the format.
    const { columns } = readArrow(readFileSync(fixture('exports', 'apache-arrow-js.arrow')));
    assert.deepEqual(
      columns.map(({ name, type, values }) => [name, type, values]),
      [
        ['layer', 2, [0n, -1n, 9007199254740991n]],
        ['token', 5, ['é', '', null]],
        ['value', 3, [0.5, null, -3]],
      ],
    );
  });

  it('writes Arrow: a file for each table, null where there is nothing', async () => {
    await asked('export', file, '-o', at('tables'), '--format', 'arrow');
    const names = readdirSync(at('tables')).sort();
    assert.equal(names.length, 5);
    assert.ok(names.includes('heads.arrow') && names.includes('_CON.edges.arrow'), names.join());
    const { columns, metadata, isStream } = readArrow(bytes('tables/heads.arrow'));
    assert.ok(isStream);
    assert.deepEqual(
      columns.map(({ name, type, values }) => [name, type, values]),
      [
        ['layer', 2, [0n, 0n, 0n, 1n]],
        ['head', 2, [0n, 1n, 2n, 0n]],
        ['score', 3, [0.5, null, 2, -1]],
        ['class.sink', 2, [0n, 0n, 0n, 1n]],
      ],
    );
    assert.deepEqual(columns[2]?.metadata, { title: 'Score', unit: 'nats', definition: 'what it is' });
    assert.equal(metadata['title'], 'Heads');
    const map = readArrow(bytes('tables/heads.map.arrow'));
    assert.deepEqual(
      map.columns.map(({ values }) => values),
      [
        [0n, 1n, 1n],
        ['é', '"#,', '"#,'],
        [0n, 0n, 1n],
        ['x', 'x', 'y'],
        [1, 0.25, 0.75],
      ],
    );
    const [other = ''] = names.filter((name) => name.includes('import_os'));
    assert.deepEqual(
      readArrow(bytes(`tables/${other}`)).columns.map(({ values }) => values),
      [
        ['L3H1', null, 'L0H2'],
        [3, null, 0],
        [1, null, 2],
        ['=1+1', '', '\u{1f600}'],
        [7, null, -0.5],
      ],
    );
    assert.deepEqual(readArrow(bytes('tables/_CON.edges.arrow')).columns[3]?.values, []);
  });

  it('writes CSV and JSON', async () => {
    await asked('export', file, '-o', at('heads.csv'), '--table', 'heads');
    assert.equal(
      bytes('heads.csv').toString('utf8').split('\r\n').slice(2).join('\n'),
      `# layer: Layer.
# head: Place within the layer: query head.
# score: Score (nats). what it is
# class.sink: Sink. looks at the first
layer,head,score,class.sink
0,0,0.5,0
0,1,,0
0,2,2,0
1,0,-1,1
`,
    );
    await asked('export', file, '-o', at('a.json'));
    const { arrays } = JSON.parse(bytes('a.json').toString('utf8')) as {
      readonly arrays: readonly { readonly name: string; readonly values: unknown }[];
    };
    assert.deepEqual(
      arrays.map(({ name, values }) => [name, values]),
      [
        [
          'heads.score',
          [
            [0.5, null, 2],
            [-1, null, null],
          ],
        ],
        [
          'heads.class.sink',
          [
            [false, false, false],
            [true, false, false],
          ],
        ],
        [
          'heads.map',
          [
            [1, null],
            [0.25, 0.75],
          ],
        ],
      ],
    );
  });

  it('writes the rows of a benchmark, and results of earlier versions', async () => {
    await asked('export', fixture('results', 'cab.headscope-bench.json'), '-o', at('rows.feather'));
    const { columns } = readArrow(bytes('rows.feather'));
    const saved = JSON.parse(readFileSync(fixture('results', 'cab.headscope-bench.json'), 'utf8')) as {
      readonly rows: readonly { readonly mechanism: string; readonly medianMs?: number }[];
    };
    const named = (name: string) => columns.find((column) => column.name === name)?.values;
    assert.deepEqual(
      named('mechanism'),
      saved.rows.map(({ mechanism }) => mechanism),
    );
    assert.deepEqual(
      named('median_ms'),
      saved.rows.map(({ medianMs }) => medianMs ?? null),
    );
    for (const earlier of [
      'causal.headscope-heads.json',
      'set.headscope-hallucination.json',
      'summary.headscope-module.json',
    ]) {
      await asked('export', fixture('results', earlier), '-o', at(`${earlier}.npz`));
      assert.ok(readStoredZip(bytes(`${earlier}.npz`)).size > 1, earlier);
    }
  });

  it('replaces its own files, and no other', async () => {
    const forms = ['a.npz', 'a.safetensors', 'a.json', 'heads.csv', 'tables/heads.arrow'];
    for (const name of forms) {
      assert.equal(await whyNotReplaced(at(name), { kind: 'export', force: false }), undefined, name);
    }
    const theirs = {
      'theirs.npz': bytes('a.npz').subarray(bytes('a.npz').indexOf('PK\u0003\u0004', 10)),
      'theirs.arrow': readFileSync(fixture('exports', 'apache-arrow-js.arrow')),
      'theirs.json': Buffer.from('{"kind": "other"}'),
      'theirs.csv': Buffer.from('layer,head\r\n'),
      'theirs.safetensors': Buffer.concat([Buffer.alloc(8, 1), Buffer.from('{"__metadata__":{"format":"pt"}}')]),
    };
    for (const [name, content] of Object.entries(theirs)) {
      writeFileSync(at(name), content);
      await refused(/It is there already, .*--force/, 'export', file, '-o', at(name), '--table', 'heads');
      assert.deepEqual(bytes(name), content);
    }
    mkdirSync(at('taken'));
    writeFileSync(at('taken/heads.csv'), 'mine');
    await refused(/heads\.csv was not written/, 'export', file, '-o', at('taken'), '--format', 'csv');
    assert.deepEqual(readdirSync(at('taken')), ['heads.csv']);
  });

  it('says what is wrong', async () => {
    await refused(/does not say a form by its ending. Give --format: npz/, 'export', file, '-o', at('a.txt'));
    await refused(/holds 5 tables, and a csv file holds one/, 'export', file, '-o', at('all.csv'));
    await refused(
      /no table "nothing". Choose from heads, heads\.map/,
      'export',
      file,
      '-o',
      at('b.npz'),
      '--table',
      'nothing',
    );
    await refused(/no\.json cannot be read/, 'export', at('no.json'), '-o', at('b.npz'));
    await refused(/Its folder does not exist/, 'export', file, '-o', at('no/b.npz'));
    await refused(/a file, and the tables go to a folder/, 'export', file, '-o', at('a.npz'), '--format', 'csv');
    writeFileSync(at('config.json'), '{"model_type": "llama"}');
    await refused(/config\.json is no result/, 'export', at('config.json'), '-o', at('b.npz'));
    await refused(/config\.json is no result/, 'to-python', at('config.json'));
  });

  it('prints lines of Python in which no name is code', async () => {
    assert.equal(pythonText('a"b\\\n\u{1f600}é\ud800'), String.raw`"a\"b\\\u000a\U0001f600\u00e9\ud800"`);
    for (const library of ['pandas', 'torch']) {
      await asked('to-python', file, '--as', library);
      const lines = out.join('').trimEnd().split('\n');
      assert.ok(
        lines.every((line) => /^[\x20-\x7e]+$/.test(line)),
        'ASCII alone',
      );
      // Without the texts of the file, what is left is Python of a few known forms.
      const bare = lines.map((line) => line.replaceAll(/"(?:[^"\\]|\\.)*"/g, 'S'));
      for (const line of bare.slice(4)) assert.match(line, /^\w+ = [^;]*$/);
      assert.ok(!bare.some((line) => /= .*(import|system)/.test(line)), bare.join('\n'));
      assert.equal(bare[2], 'with open(S, encoding=S) as file:');
    }
    await asked('to-python', file);
    assert.match(out.join(''), /^heads = \{number\["name"\]: pd\.DataFrame\(number\["values"\], dtype=float\)/m);
    await asked('to-python', at('heads.csv'));
    assert.match(out.join(''), /pd\.read_csv\(".*heads\.csv", skiprows=6, keep_default_na=False/);
    for (const [name, line] of [
      ['a.npz', /np\.load\(/],
      ['a.safetensors', /safetensors\.numpy/],
      ['tables/heads.arrow', /read_feather\(/],
      ['a.json', /numbers\["tables"\]/],
    ] as const) {
      await asked('to-python', at(name));
      assert.match(out.join(''), line);
    }
    await refused(/no sections to load/, 'to-python', fixture('results', 'causal.headscope-heads.json'));
  });
});
