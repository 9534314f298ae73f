/** onnxruntime's own telemetry: what the library does when left alone, and that nothing of it happens in our processes. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { computeClient } from '../../../compute-server/cli/compute-process';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { add } from '../../../kernels/graph/operators/elementwise';
import { buildServer, cliScript, serverScript, smallPlan } from '../compute/support/server';
import { runCli } from '../compute/support/run-cli';
import { watched, type Watched } from './watched';

const repository = path.resolve(__dirname, '../../..');

interface Did {
  readonly calls: readonly string[];
  readonly home: readonly string[];
  readonly temporary: readonly string[];
}

/** What the library did when left alone, and what our processes did meanwhile. */
interface Seen {
  readonly library: Did;
  readonly ours: Did;
  /** Outcomes of our own runs: `ok`, or what went wrong. */
  readonly outcomes: readonly string[];
}

const did = (process: Watched): Did => ({ calls: [...process.calls], ...process.written() });

/** The library as it comes, without Headscope; it lives until it is killed. */
const libraryAlone = (model: string): string => `
  const { InferenceSession } = require(${JSON.stringify(path.join(repository, 'node_modules/onnxruntime-node'))});
  InferenceSession.create(${JSON.stringify(model)}).then((session) => setInterval(() => session, 1000));`;

async function look(): Promise<Seen> {
  await buildServer();
  const library = await watched();
  const ours = await watched({ ORT_DISABLE_TELEMETRY: '0' });
  const model = path.join(library.folder, 'doubled.onnx');
  const graph = new GraphBuilder('doubled');
  const x = graph.input('x', 'float32', [4]);
  graph.output(add(x, x, 'y'));
  writeFileSync(model, graph.finish().model);

  const environment = { ...ours.environment, HEADSCOPE_CACHE_DIR: ours.folder };
  const client = computeClient(serverScript, environment);
  const children: ChildProcess[] = [];
  try {
    // The server itself and a process of its own for the memory; the command line and two worker processes.
    const result = await client.call('benchmark', [smallPlan({ measureMemory: true })]);
    const words = 'distributed --workers 2 --length 64 --heads 2 --head-dim 8 --seconds 0.1';
    const { code, stderr } = await runCli(cliScript, words.split(' '), environment);
    // Only now the library: when it calls for the second time, the server has had a session for longer than it.
    children.push(spawn(process.execPath, ['-e', libraryAlone(model)], { env: library.environment, stdio: 'ignore' }));
    await library.called(2);
    return {
      library: did(library),
      ours: did(ours),
      outcomes: [...result.rows.map(({ reason }) => reason ?? 'ok'), code === 0 ? 'ok' : stderr],
    };
  } finally {
    client.dispose();
    for (const child of children) child.kill('SIGKILL');
    library.remove();
    ours.remove();
  }
}

let seen: Promise<Seen>;
// The library takes ten seconds and more until it calls: it is watched from the start of the tier, beside the other tests.
before(() => {
  seen = look();
  seen.catch(() => undefined);
});

describe('telemetry of onnxruntime', function () {
  this.timeout(120_000);

  it('is seen where the library is left alone: it writes to the home and the temporary folder and calls', async () => {
    const { calls, home, temporary } = (await seen).library;
    assert.deepEqual(new Set(calls), new Set(['CONNECT mobile.events.data.microsoft.com:443 HTTP/1.1']));
    assert.ok(home.includes('.cache/Microsoft/DeveloperTools/.onnxruntime/deviceid'), home.join('\n'));
    assert.ok(
      temporary.some((name) => /^mat-debug-\d+\.log$/.test(name)),
      temporary.join('\n'),
    );
  });

  it('is off in the compute server, isolated processes, the command line and workers, whatever the environment says', async () => {
    const { ours, outcomes } = await seen;
    assert.deepEqual(outcomes, ['ok', 'ok', 'ok']);
    assert.deepEqual(ours, { calls: [], home: [], temporary: [] });
  });
});
