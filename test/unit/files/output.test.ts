/** What a result may be written to without `--force`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyNotReplaced, writeOutput, type OutputKind } from '../../../files/output';
import { NotWritten, writeNew } from '../../../files/write-file';

const own: Readonly<Record<Exclude<OutputKind, 'table'>, string>> = {
  result: '{"headscope": "0.1.0", "created": "2026-11-30T12:00:00.000Z", "rows": []}',
  plan: '{"kind": "headscope-plan", "version": 1}',
  baseline: '{"kind": "headscope-baseline", "version": 1, "findings": []}',
  sarif: '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "headscope"}}, "results": []}]}',
  export: '# Written by Headscope 0.1.0\r\n# Heads\r\nlayer,head\r\n',
  vector: `GGUF\u0003\0\0\0${'\u0001\0\0\0\0\0\0\0'.repeat(2)}\u0011\0\0\0\0\0\0\0headscope.version`,
};
/** What a person, or another program, wrote. */
const others: Readonly<Record<string, string>> = {
  'a config': '{"model_type": "llama", "hidden_size": 64}',
  'a text': 'Chapter 1',
  'results of another program': '{"created": "2026-11-30", "rows": []}',
  'a SARIF log of another program': '{"runs": [{"tool": {"driver": {"name": "eslint"}}}]}',
  'a SARIF log with runs of two programs':
    '{"runs": [{"tool": {"driver": {"name": "headscope"}}}, {"tool": {"driver": {"name": "eslint"}}}]}',
  'the record of a conversion': '{"headscope": "0.1.0", "source": {"name": "a"}}',
  interventions: '{"kind": "headscope-intervention", "version": 2, "interventions": []}',
  'a circuit that was arranged': '{"kind": "headscope-circuit", "version": 2, "title": "Mine"}',
  'JSON that is cut': '{"headscope": "0.1.0", "created": "2026',
  'a GGUF file of another program': `GGUF\u0003\0\0\0${'\u0001\0\0\0\0\0\0\0'.repeat(2)}\u0014\0\0\0\0\0\0\0general.architecture`,
  'weights of another program': `\u0040\0\0\0\0\0\0\0{"__metadata__":{"format":"pt"},"headscope":{"dtype":"F32"}}`,
  null: 'null',
};

describe('the file of a result', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'headscope-output-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const put = (content: string): string => {
    const path = join(root, 'out');
    writeFileSync(path, content);
    return path;
  };
  const why = (path: string, kind: OutputKind = 'result', force = false): Promise<string | undefined> =>
    whyNotReplaced(path, { kind, force });

  for (const [kind, content] of Object.entries(own) as [keyof typeof own, string][]) {
    it(`may be an earlier one of its kind: ${kind}, and no other`, async () => {
      for (const wanted of Object.keys(own) as (keyof typeof own)[]) {
        const reason = await why(put(content), wanted);
        assert.equal(reason === undefined, wanted === kind, `${content} as ${wanted}: ${reason}`);
      }
    });
  }
  it('may be a saved run, by its kind', async () => {
    assert.equal(await why(put('{"version": 1, "kind": "headscope-heads"}')), undefined);
    assert.equal(await why(put('{"version": 1, "kind": "headscope-circuit"}')), undefined);
  });

  for (const [what, content] of Object.entries(others)) {
    it(`is not ${what}, without --force`, async () => {
      for (const kind of [...(Object.keys(own) as OutputKind[]), 'table'] as const) {
        assert.match((await why(put(content), kind)) ?? '', /not .* that Headscope wrote.*--force/, kind);
        assert.equal(await why(put(content), kind, true), undefined);
      }
    });
  }

  it('may be new, empty, a pipe or a device', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const path of [join(root, 'new'), put(''), join(root, 'pipe'), '/dev/null', '/dev/stdout']) {
      assert.equal(await why(path), undefined, path);
    }
  });

  it('is no folder, no link that leads nowhere, and lies in a folder, even with --force', async () => {
    mkdirSync(join(root, 'folder'));
    symlinkSync('nowhere', join(root, 'link'));
    for (const [name, reason] of [
      ['folder', /It is a folder/],
      ['link', /nothing is where it leads/],
      ['none/out', /folder does not exist/],
      ['file/out', /folder is a file/],
    ] as const) {
      writeFileSync(join(root, 'file'), '');
      assert.match((await why(join(root, name), 'result', true)) ?? '', reason, name);
    }
  });

  it('leaves nothing of itself where it could not be written whole', async () => {
    const path = put('Chapter 1');
    async function* half(): AsyncGenerator<string> {
      yield await Promise.resolve('half');
      throw new Error('the disk is full');
    }
    await assert.rejects(writeNew(join(root, 'new'), half() as unknown as string), /the disk is full/);
    assert.deepEqual(readdirSync(root), ['out']);
    await assert.rejects(writeNew(path, 'x'), { code: 'EEXIST' });
    assert.equal(readFileSync(path, 'utf8'), 'Chapter 1');
  });

  it('says that a device takes no more, as it says of a disk', async () => {
    const output = { kind: 'result', force: false } as const;
    await assert.rejects(
      writeOutput('/dev/full', 'x', output),
      (error) => error instanceof NotWritten && /^The disk is full\./.test(error.message),
    );
  });

  it('is written through a link, and what came meanwhile stays: the result is beside it', async () => {
    const output = { kind: 'result', force: false } as const;
    const path = put(own.result);
    symlinkSync('out', join(root, 'link'));
    await writeOutput(join(root, 'link'), 'new', output);
    assert.equal(readFileSync(path, 'utf8'), 'new');
    await assert.rejects(writeOutput(path, 'newer', output), /What it was to hold is in .*out-2\.$/);
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(readFileSync(join(root, 'out-2'), 'utf8'), 'newer');
    await writeOutput(path, 'newest', { ...output, force: true });
    assert.equal(readFileSync(path, 'utf8'), 'newest');
    assert.deepEqual(readdirSync(root).sort(), ['link', 'out', 'out-2']);
  });
});
