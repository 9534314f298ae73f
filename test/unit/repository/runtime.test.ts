/** The runtime is loaded in one place, which turns its telemetry off before: nothing else brings it in, tests included. */
import assert from 'node:assert/strict';
import { readText, trackedFiles } from '../../support/repository-files';

/** A line that brings the package in, in whatever way: a module's name or a path that ends in it, also in a script as text. */
const bringsIn = /\b(import|from|require|resolve)\b.*\bonnxruntime-(node|common)\b(?!:)/;

/** Why each of these may. */
const known: Readonly<Record<string, RegExp>> = {
  // The one place, after the variable is set.
  'compute-server/runtime/load.ts':
    /process\.env\['ORT_DISABLE_TELEMETRY'\] = '1';\s+return import\('onnxruntime-node'\);/,
  // Types alone, which are gone when it runs.
  'compute-server/runtime/session.ts': /^import type .*'onnxruntime-node';\nimport type .*'onnxruntime-node';$/m,
  'compute-server/runtime/webgpu-memory.ts': /^import type .*'onnxruntime-node';\nimport type .*'onnxruntime-node';$/m,
  // The packaged copy in a process of its own, with the variable set.
  'test/package/vsix.test.ts': /process\.env\.ORT_DISABLE_TELEMETRY = '1';\s+const ort = require\(/,
  // The library left alone, behind a proxy that refuses its calls.
  'test/process/telemetry/telemetry.test.ts': /const libraryAlone = /,
  // Imports of planted repositories that are read and never run.
  'test/unit/imports.test.ts': /write\(\s*'compute-server\/jobs\/run\.ts',\s+"import/,
};

const loaders = (texts: ReadonlyMap<string, string>): readonly string[] =>
  [...texts].filter(([, text]) => text.split('\n').some((line) => bringsIn.test(line))).map(([path]) => path);

describe('onnxruntime', () => {
  const texts = new Map(
    trackedFiles()
      .filter((path) => /\.(ts|mts|cts|js|mjs|cjs|json)$/.test(path) && !/package(-lock)?\.json$/.test(path))
      .map((path) => [path, readText(path) ?? ''] as const),
  );

  it('is loaded by compute-server/runtime/load.ts alone, in tests, builds and examples too', () => {
    const found = loaders(texts).filter((path) => path !== 'test/unit/repository/runtime.test.ts');
    assert.deepEqual(found.sort(), Object.keys(known).sort());
  });

  it('is loaded after its telemetry was turned off', () => {
    for (const [path, reason] of Object.entries(known)) assert.match(texts.get(path) ?? '', reason, path);
    // A second import in the file that may have one.
    for (const path of Object.keys(known).filter((each) => each.startsWith('compute-server/'))) {
      const values = (texts.get(path) ?? '')
        .split('\n')
        .filter((line) => bringsIn.test(line) && !/^import type /.test(line));
      assert.deepEqual(values, path.endsWith('load.ts') ? ["  return import('onnxruntime-node');"] : [], path);
    }
  });

  it('is found in every way of writing it', () => {
    const lines = [
      "import { Tensor } from 'onnxruntime-node';",
      "import 'onnxruntime-common';",
      "const ort = await import('onnxruntime-node');",
      "const ort = require('../node_modules/onnxruntime-node/dist/index.js');",
      "createRequire(import.meta.url).resolve('onnxruntime-node')",
    ];
    for (const line of lines) assert.deepEqual(loaders(new Map([['a.ts', line]])), ['a.ts'], line);
    const others = ["external: ['onnxruntime-node'],", "runtime: 'onnxruntime-node 1.30.0',"];
    for (const line of others) assert.deepEqual(loaders(new Map([['a.ts', line]])), [], line);
  });
});
