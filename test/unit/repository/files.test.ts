import assert from 'node:assert/strict';
import { readText, trackedFiles } from '../../support/repository-files';

/** A file has one subject; past this length it has two. Tables of cases in tests may be longer. */
const mostLines = (path: string): number => (path.startsWith('test/') ? 900 : 600);
const tierFolders = ['unit', 'laws', 'process', 'browser', 'editor/host', 'editor/driven', 'cluster', 'package'];

describe('files of the repository', () => {
  const files = trackedFiles();
  const scripts = files.filter((path) => /\.(ts|mts|mjs)$/.test(path));
  const tests = files.filter((path) => path.endsWith('.test.ts'));

  it('are found', () => {
    assert.ok(scripts.length > 50);
    assert.ok(tests.length > 10);
  });

  it('are not too long to have one subject', () => {
    const long = scripts
      // Written by the generator of the protobuf library.
      .filter((path) => !path.startsWith('test/fixtures/') && path !== 'kernels/graph/onnx_pb.ts')
      .map((path) => ({ path, lines: readText(path)?.split('\n').length ?? 0 }))
      .filter(({ path, lines }) => lines > mostLines(path));
    assert.deepEqual(long, []);
  });

  it('name no path of one machine', () => {
    const machinePath = /(^|[^\w.])\/(home\/(?!me\b)|Users\/|root\/|work\/|mnt\/)[\w-]+/m;
    const found = files
      .filter((path) => path !== 'package-lock.json')
      .flatMap((path) => {
        const match = machinePath.exec(readText(path) ?? '');
        return match === null ? [] : [`${path}: ${match[0]}`];
      });
    assert.deepEqual(found, []);
  });

  it('hold no test that is switched off or runs alone', () => {
    const switched = /\b(describe|it|context|suite|test)\.(only|skip)\(|\bthis\.skip\(|\bx(it|describe)\(/;
    assert.deepEqual(
      tests.filter((path) => path !== 'test/unit/repository/files.test.ts' && switched.test(readText(path) ?? '')),
      [],
    );
  });

  it('hold no test outside a tier, where none would run it', () => {
    assert.deepEqual(
      tests.filter((path) => !tierFolders.some((folder) => path.startsWith(`test/${folder}/`))),
      [],
    );
    const misnamed = files
      .filter((path) => path.startsWith('test/') && path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .filter((path) => /^\s*(describe|it)\(/m.test(readText(path) ?? ''));
    // Shared laws and cases may define suites for the test files that call them; they export what they define.
    assert.deepEqual(
      misnamed.filter((path) => !/^export /m.test(readText(path) ?? '')),
      [],
    );
  });
});
