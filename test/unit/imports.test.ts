/** The import rule over the whole graph: build/rooms.mjs is the table; oxlint reports packages where they are imported. */
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { restrictedPackages, rooms, zones } from '../../build/rooms.mjs';
import { findCircles, findFolderCircles, readRoom, within } from '../support/import-graph';
import type { SourceFile } from '../support/import-graph';

const root = resolve(__dirname, '../..');

function forbiddenEdges(graph: readonly SourceFile[]): string[] {
  return graph.flatMap((file) =>
    zones
      .filter((zone) => within(file.path, zone.target))
      .flatMap((zone) =>
        file.files
          .filter((target) => zone.from.some((place) => within(target, place)))
          .filter((target) => !zone.except?.some((place) => within(target, place)))
          .map((target) => `${file.path} imports ${target}: ${zone.message}`),
      ),
  );
}

function restrictedUses(graph: readonly SourceFile[]): string[] {
  return graph.flatMap((file) =>
    restrictedPackages
      .filter(({ name, homes }) => file.packages.includes(name) && !homes.some((home) => within(file.path, home)))
      .map(({ name, message }) => `${file.path} imports ${name}: ${message}`),
  );
}

/** Imports of a file of an analysis or experiment from elsewhere than its folder; the catalogue alone imports them, so it says which they are. */
function intoAnalyses(graph: readonly SourceFile[]): string[] {
  const catalogue = graph.find(({ path }) => path === 'diagnostics/catalogue.ts');
  const folders = (catalogue?.files ?? []).map((file) => dirname(file)).filter((folder) => folder !== 'diagnostics');
  const folderOf = (path: string): string | undefined => folders.find((folder) => within(path, folder));
  return graph
    .filter((file) => file !== catalogue)
    .flatMap(({ path, files }) =>
      files
        .filter((target) => ![undefined, folderOf(path)].includes(folderOf(target)))
        .map((target) => `${path} imports ${target}: what analyses share lies in diagnostics/shared`),
    );
}

describe('imports', () => {
  let graph: readonly SourceFile[] = [];
  before(() => {
    graph = rooms.flatMap((room) => readRoom(root, room));
  });

  it('read every room that exists', () => {
    for (const room of [
      'protocol',
      'kernels',
      'models',
      'compute-server',
      'language-server',
      'extension',
      'webviews',
    ]) {
      assert.ok(
        graph.some((file) => within(file.path, room)),
        `no file of ${room} was read`,
      );
    }
    assert.ok(graph.some((file) => file.files.length > 0));
  });

  it('cross only the borders that the rooms allow', () => {
    assert.deepEqual(forbiddenEdges(graph), []);
  });

  it('reach no further than the rooms', () => {
    const strays = graph.flatMap((file) =>
      file.files
        .filter((target) => !rooms.some((room) => within(target, room)))
        .map((target) => `${file.path} imports ${target}`),
    );
    assert.deepEqual(strays, []);
  });

  it('keep restricted packages in their homes', () => {
    assert.deepEqual(restrictedUses(graph), []);
  });

  it('reach into the folder of no other analysis', () => {
    assert.deepEqual(intoAnalyses(graph), []);
  });

  it('make no circle', () => {
    assert.deepEqual(
      findCircles(graph).map((circle) => circle.join(' -> ')),
      [],
    );
  });

  it('make no circle of folders, in the tests neither', () => {
    assert.deepEqual(
      findFolderCircles([...graph, ...readRoom(root, 'test')]).map((circle) => circle.join(' -> ')),
      [],
    );
  });

  describe('a repository that breaks the rule', () => {
    let folder: string;
    const write = (path: string, text: string) => {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), text);
    };

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'headscope-imports-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('is caught in a circle of two folders without one of files; a catalogue beside its folders is none', () => {
      write('kernels/a/one.ts', "import { two } from '../b/two'; export const one = two;");
      write('kernels/b/two.ts', 'export const two = 2;');
      write('kernels/b/three.ts', "import { four } from '../a/deep/four'; export const three = four;");
      write('kernels/a/deep/four.ts', "import type { Type } from '../../type'; export const four: Type = 4;");
      write('kernels/type.ts', 'export type Type = number;');
      write('kernels/catalogue.ts', "export { one } from './a/one'; export { three } from './b/three';");
      const read = readRoom(folder, 'kernels');
      assert.deepEqual(findCircles(read), []);
      assert.deepEqual(
        findFolderCircles(read).map((circle) => [...circle].sort()),
        [['kernels/a', 'kernels/b']],
      );
    });

    it('is caught in a forbidden edge, also through `export from`, `import type` and `import()`', () => {
      write('kernels/shape.ts', 'export const heads = 8;');
      write('protocol/a.ts', "export { heads } from '../kernels/shape';");
      write('protocol/b.ts', "import type { heads } from '../kernels/shape'; export type H = typeof heads;");
      write('protocol/c.ts', "export const shape = import('../kernels/shape');");
      const found = forbiddenEdges(readRoom(folder, 'protocol'));
      assert.equal(found.length, 3);
      assert.match(found[0] ?? '', /imports kernels\/shape\.ts: protocol imports nothing/);
    });

    it('is caught where the language server reaches beyond what it is allowed, whatever is added to a room', () => {
      for (const path of ['models/formats/a.ts', 'kernels/cost/b.ts', 'models/images/c.ts', 'kernels/tensors/d.ts']) {
        write(path, 'export {};');
      }
      const places = ['models/formats/a', 'kernels/cost/b', 'models/images/c', 'kernels/tensors/d'];
      write('language-server/main.ts', places.map((place) => `import '../${place}';`).join('\n'));
      assert.deepEqual(
        forbiddenEdges(readRoom(folder, 'language-server')).map((edge) => edge.split(':')[0]),
        ['models/images/c', 'kernels/tensors/d'].map((place) => `language-server/main.ts imports ${place}.ts`),
      );
    });

    it('is caught where an analysis, what is shared or another room reaches into an analysis', () => {
      write('diagnostics/a/one/analysis.ts', "import './run'; import '../../shared/words'; export {};");
      write('diagnostics/a/one/run.ts', 'export {};');
      write('diagnostics/b/two/experiment.ts', "import '../../a/one/run'; export {};");
      write('diagnostics/shared/words.ts', "import '../b/two/experiment'; export {};");
      write('diagnostics/catalogue.ts', "import './a/one/analysis'; import './b/two/experiment'; export {};");
      write('compute-server/job.ts', "import '../diagnostics/a/one/run'; export {};");
      const found = intoAnalyses([...readRoom(folder, 'diagnostics'), ...readRoom(folder, 'compute-server')]);
      assert.deepEqual(found.map((edge) => edge.split(':')[0]).sort(), [
        'compute-server/job.ts imports diagnostics/a/one/run.ts',
        'diagnostics/b/two/experiment.ts imports diagnostics/a/one/run.ts',
        'diagnostics/shared/words.ts imports diagnostics/b/two/experiment.ts',
      ]);
    });

    it('is caught in a circle of three files', () => {
      write('kernels/a.ts', "import './b'; export {};");
      write('kernels/b.ts', "import './deep/c'; export {};");
      write('kernels/deep/c.ts', "import '../a'; export {};");
      assert.deepEqual(findCircles(readRoom(folder, 'kernels')), [
        ['kernels/a.ts', 'kernels/b.ts', 'kernels/deep/c.ts'],
      ]);
    });

    it('is caught with the runtime outside its home', () => {
      write(
        'compute-server/jobs/run.ts',
        "import { InferenceSession } from 'onnxruntime-node'; export { InferenceSession };",
      );
      write('compute-server/runtime/session.ts', "import 'onnxruntime-node'; export {};");
      assert.deepEqual(restrictedUses(readRoom(folder, 'compute-server')), [
        'compute-server/jobs/run.ts imports onnxruntime-node: compute-server/runtime alone knows the runtime.',
      ]);
      write('webviews/panels/a/main.ts', "import 'lit/directives/live.js'; import 'echarts/core'; export {};");
      assert.deepEqual(restrictedUses(readRoom(folder, 'webviews')), [
        'webviews/panels/a/main.ts imports echarts: webviews/charts alone knows the chart library.',
      ]);
    });
  });
});
